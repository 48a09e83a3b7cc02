"""Two classifiers on the same objects: joint cells, and resamples that move both alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.draws import multinomials
from scoring.snapshot import Layout, Snapshot
from scoring.states import Cells, Statistics

__all__ = ["Joint", "holm", "joint", "margin", "mcnemar", "merge_joints", "resample_joint"]


@dataclass(frozen=True)
class Joint:
    """Objects by true class, cell of classifier A and cell of classifier B; only cells that are held."""

    true: NDArray[np.int64]
    a: NDArray[np.int64]
    b: NDArray[np.int64]
    count: NDArray[np.int64]
    sum_a: NDArray[np.float64]
    sum_b: NDArray[np.float64]


def joint(state: Cells, a: Snapshot, b: Snapshot) -> Joint:
    """The joint cells of two snapshots of the same objects in the same order."""
    amounts = [np.zeros(len(s.true)) if state.amount is None else state.amount(s) for s in (a, b)]
    cells = [state.cell(s, m) for s, m in zip((a, b), amounts, strict=True)]
    ones = np.ones(len(a.true), np.int64)
    return _reduced(Joint(a.true, cells[0], cells[1], ones, amounts[0], amounts[1]))


def merge_joints(pieces: Sequence[Joint]) -> Joint:
    """The joint cells of several sets of objects."""
    names = ("true", "a", "b", "count", "sum_a", "sum_b")
    return _reduced(Joint(*(np.concatenate([getattr(p, name) for p in pieces]) for name in names)))


def _reduced(cells: Joint) -> Joint:
    """The same objects with each joint cell once, in order."""
    order = np.lexsort((cells.b, cells.a, cells.true))
    true, a, b = cells.true[order], cells.a[order], cells.b[order]
    new = np.ones(len(true), bool)
    new[1:] = (np.diff(true) != 0) | (np.diff(a) != 0) | (np.diff(b) != 0)
    starts = np.flatnonzero(new)

    def added(values: NDArray) -> NDArray:
        return np.add.reduceat(values[order], starts) if len(starts) else values

    return Joint(
        true[starts], a[starts], b[starts], added(cells.count), added(cells.sum_a), added(cells.sum_b)
    )


def resample_joint(
    state: Cells, cells: Joint, layouts: tuple[Layout, Layout], *, rng: np.random.Generator, n: int
) -> tuple[Statistics, Statistics]:
    """Statistics of both classifiers on n resamples of the objects, stratified by true class."""
    n_true = len(layouts[0].truth)
    widths = [state.width(layout) for layout in layouts]
    counts = [np.zeros((n, n_true, w), np.int64) for w in widths]
    sums = [np.zeros((n, n_true, w)) for w in widths]
    for t in range(n_true):
        mine = np.flatnonzero(cells.true == t)
        if not len(mine):
            continue
        drawn = multinomials(cells.count[mine][None], rng=rng, n=n)[:, 0]
        for side, (cell, amount) in enumerate(((cells.a, cells.sum_a), (cells.b, cells.sum_b))):
            _add(drawn, cell[mine], counts[side][:, t])
            _add(drawn * (amount[mine] / cells.count[mine]), cell[mine], sums[side][:, t])
    a, b = (state.fold(layouts[i], counts[i], sums[i]) for i in (0, 1))
    return a, b


def margin(
    cells: Joint, side: str, state: Cells, layout: Layout
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Counts and sums [T, W] of classifier "a" or "b" alone."""
    shape = (len(layout.truth), state.width(layout))
    of, counted = getattr(cells, side), getattr(cells, side) >= 0
    flat = (cells.true * shape[1] + of)[counted]
    size = shape[0] * shape[1]
    counts = np.bincount(flat, weights=cells.count[counted], minlength=size).astype(np.int64)
    sums = np.bincount(flat, weights=getattr(cells, f"sum_{side}")[counted], minlength=size)
    return counts.reshape(shape), sums.astype(np.float64).reshape(shape)


def _add(drawn: NDArray, cell: NDArray[np.int64], out: NDArray) -> None:
    """Add columns of `drawn` to the columns of `out` that they belong to; -1 belongs to none."""
    order = np.argsort(cell, kind="stable")
    order = order[cell[order] >= 0]
    if len(order):
        held, starts = np.unique(cell[order], return_index=True)
        out[:, held] += np.add.reduceat(drawn[:, order], starts, axis=1)


def mcnemar(a_alone: int, b_alone: int) -> float:
    """Two-sided p of McNemar's test: objects that A alone, and B alone, named rightly.

    Exact binomial below 25 discordant objects, else chi-squared with continuity correction
    (McNemar 1947; Edwards 1948). 1 where nothing differs.
    """
    from scipy.stats import binomtest, chi2

    discordant = a_alone + b_alone
    if discordant == 0:
        return 1.0
    if discordant < 25:
        return float(binomtest(min(a_alone, b_alone), discordant).pvalue)
    return float(chi2.sf((abs(a_alone - b_alone) - 1) ** 2 / discordant, 1))


def holm(p: Sequence[float]) -> list[float]:
    """p-values adjusted for their number (Holm 1979), in the order given."""
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    running = 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = running
    return adjusted.tolist()
