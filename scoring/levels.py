"""Confusion at one level of the class tree: truth and probabilities collapsed before the arg-max."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scoring.snapshot import Layout, Snapshot
from scoring.states import Additive, Arrays, Statistics, resample_cells
from scoring.tree import lineage

__all__ = ["BROAD", "GENERAL", "LevelConfusions", "at_level"]


def at_level(class_id: int, depth: int) -> int:
    """The ancestor of a class at a depth (roots have 0), the class itself where it is not as deep.

    A shallow leaf is carried down: it stays a class of its own at deeper levels.
    """
    above = lineage(class_id)
    return above[depth] if len(above) > depth else (above[-1] if above else class_id)


@lru_cache(maxsize=64)
def _groups(
    truth: tuple[int, ...], columns: tuple[int, ...], depth: int
) -> tuple[tuple[int, ...], tuple[int, ...], NDArray[np.int64], NDArray[np.int64]]:
    of_truth = [at_level(c, depth) for c in truth]
    of_columns = [at_level(c, depth) for c in columns]
    names_true, names = tuple(sorted(set(of_truth))), tuple(sorted({*of_columns, *of_truth}))
    row = np.array([names_true.index(c) for c in of_truth], np.int64)
    column = np.array([names.index(c) for c in of_columns], np.int64)
    return names_true, names, row, column


@dataclass(frozen=True)
class LevelConfusions(Additive):
    """Joint counts of true and given class at one depth of the tree.

    Statistics: ``cells`` i8[..., G, H + 1] of a layout whose classes are the nodes of that depth.
    """

    name: str
    depth: int

    def count(self, snapshot: Snapshot) -> Arrays:
        """``cells`` i8[G, H + 1], the last column for objects without an answer."""
        names_true, names, row, column = _groups(snapshot.layout.truth, snapshot.layout.columns, self.depth)
        mass = np.zeros((len(snapshot.true), len(names)))
        for c, group in enumerate(column):
            mass[:, group] += snapshot.probability[:, c]
        given = np.where(snapshot.predicted < 0, len(names), mass.argmax(1) if len(mass) else 0)
        width = len(names) + 1
        flat = np.bincount(row[snapshot.true] * width + given, minlength=len(names_true) * width)
        return {"cells": flat.reshape(len(names_true), width).astype(np.int64)}

    def layout(self, of: Layout) -> Layout:
        """The layout whose classes are the nodes of this depth."""
        names_true, names, row, _ = _groups(of.truth, of.columns, self.depth)
        target = np.array([names.index(c) for c in names_true], np.int64)
        prior = np.bincount(row, weights=of.prior, minlength=len(names_true)).astype(np.float64)
        return Layout(names_true, names, np.zeros(0, np.int64), target, prior)

    def statistics(self, layout: Layout, arrays: Arrays) -> Statistics:
        """The cells, with the layout of the level."""
        return Statistics(self.layout(layout), arrays)

    def resample(self, layout: Layout, arrays: Arrays, *, rng: np.random.Generator, n: int) -> Statistics:
        """Cells i8[n, G, H + 1] of n resamples."""
        return Statistics(self.layout(layout), {"cells": resample_cells(arrays["cells"], rng=rng, n=n)})


BROAD = LevelConfusions("level_1", 1)
"""Non-Recurring or Recurring."""

GENERAL = LevelConfusions("level_2", 2)
"""SN-like, Fast, Long, Periodic or Non-Periodic."""
