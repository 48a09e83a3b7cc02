"""Class trees as arrays: ancestors, distances and levels of the columns of a layout.

The trees' roots (Meta, Static, Variable) hang below one virtual root. ``.../Other`` stands for its
parent. Residual, NotClassified and a missing answer say nothing: they stand at the virtual root.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from brokerbench.taxonomy import ELASTICC2, NOT_CLASSIFIED, RESIDUAL
from scoring.snapshot import Layout

__all__ = ["branches", "column_distances", "distances", "lineage", "lineages", "overlaps"]


@lru_cache(maxsize=256)
def lineage(class_id: int) -> tuple[int, ...]:
    """The class and its ancestors from the root down, without the virtual root.

    Empty for -1, Residual and NotClassified.
    """
    if class_id in (-1, RESIDUAL, NOT_CLASSIFIED):
        return ()
    parent = ELASTICC2.parent(class_id)
    if ELASTICC2.name_of(class_id).endswith("/Other") and parent is not None:
        return lineage(parent)
    return (*ELASTICC2.ancestors(class_id), class_id)


def lineages(layout: Layout) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """Lineages of the true classes, and of the columns with "no answer" last."""
    return [lineage(c) for c in layout.truth], [lineage(c) for c in (*layout.columns, -1)]


def overlaps(layout: Layout) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Common ancestors i8[T, C + 1], ancestors of a true class i8[T], of a given one i8[C + 1].

    A class counts as its own ancestor; the roots, which everything alike has, do not count.
    """
    true, given = lineages(layout)
    common = [[len(set(t[1:]) & set(g[1:])) for g in given] for t in true]
    sizes = ([max(len(x) - 1, 0) for x in side] for side in (true, given))
    return (np.array(common, np.int64), *(np.array(s, np.int64) for s in sizes))  # type: ignore[return-value]


def distances(layout: Layout) -> NDArray[np.int64]:
    """Edges between each true class and each column (no answer last), i8[T, C + 1]."""
    return _distances(layout.truth, layout.columns)


@lru_cache(maxsize=64)
def _distances(truth: tuple[int, ...], columns: tuple[int, ...]) -> NDArray[np.int64]:
    true, given = [lineage(c) for c in truth], [lineage(c) for c in (*columns, -1)]
    return np.array([[len(t) + len(g) - 2 * _shared(t, g) for g in given] for t in true], np.int64)


@lru_cache(maxsize=64)
def column_distances(columns: tuple[int, ...]) -> NDArray[np.int64]:
    """Edges between each two columns, i8[C, C]."""
    return _distances(columns, columns)[:, :-1]


@lru_cache(maxsize=64)
def branches(columns: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The node of each column, i8[C], and the parent of each node, i8[N]; -1 for the virtual root.

    A node comes before its parent, so that one walk carries what lies below to the top.
    """
    lines = [lineage(c) for c in columns]
    nodes = sorted({line[: i + 1] for line in lines for i in range(len(line))}, key=lambda n: -len(n))
    at = {node: i for i, node in enumerate(nodes)}
    of_column = np.array([at.get(line, -1) for line in lines], np.int64)
    return of_column, np.array([at.get(node[:-1], -1) for node in nodes], np.int64)


def _shared(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    return sum(x == y for x, y in zip(a, b, strict=False))
