"""How often a stated probability comes true, in bins of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.bins import class_bins, weighted_bins
from scoring.snapshot import Layout, Snapshot
from scoring.states import Arrays, Cells, Statistics, resample_cells

__all__ = ["BINS", "CLASSWISE", "TOP", "ClassReliability", "bin_of"]

BINS = 15
"""Bins of equal width, as in Guo et al. 2017; p = 1 lies in the last."""


def bin_of(p: NDArray[np.float64]) -> NDArray[np.int64]:
    """Bin of each probability, i8 of the same shape; [k/15, (k+1)/15), the last one closed."""
    return np.clip((p * BINS).astype(np.int64), 0, BINS - 1)


def _confidence(snapshot: Snapshot) -> NDArray[np.float64]:
    column = np.maximum(snapshot.predicted, 0)
    return snapshot.probability[np.arange(len(column)), column]


def _top_cell(snapshot: Snapshot, confidence: NDArray) -> NDArray[np.int64]:
    right = snapshot.layout.target[snapshot.true] == snapshot.predicted
    return np.where(snapshot.predicted < 0, -1, right * BINS + bin_of(confidence))


def _fold_top(layout: Layout, cells: NDArray, sums: NDArray) -> Statistics:
    both, stated = cells.sum(-2), sums.sum(-2)
    wrong, right = both[..., :BINS], both[..., BINS:]
    arrays = {"n": wrong + right, "hits": right, "stated": stated[..., :BINS] + stated[..., BINS:]}
    return Statistics(layout, arrays)


TOP = Cells("top_reliability", width=lambda _: 2 * BINS, cell=_top_cell, fold=_fold_top, amount=_confidence)
"""Confidence in the named class against being right, answered objects: ``n hits stated`` [..., 15]."""


@dataclass(frozen=True)
class ClassReliability:
    """Probability of each true class against its frequency, for objects with an answer.

    Statistics: ``n``, ``hits``, ``stated`` of each class, [..., T, 15].
    """

    name: str = "class_reliability"

    def count(self, snapshot: Snapshot) -> Arrays:
        """``cells`` i8[2 * T, 15] (class by others and own objects; bin) and ``stated`` f8 likewise."""
        cells, stated = class_bins(snapshot, BINS, group=np.zeros_like(snapshot.true), n_groups=1)
        return {"cells": cells.reshape(-1, BINS), "stated": stated.reshape(-1, BINS)}

    def merge(self, pieces: Sequence[Arrays]) -> Arrays:
        """Sums, in the order of the pieces."""
        return {name: sum((p[name] for p in pieces[1:]), pieces[0][name]) for name in pieces[0]}

    def statistics(self, layout: Layout, arrays: Arrays) -> Statistics:
        """Counts a class and bin."""
        return Statistics(layout, _by_class(arrays["cells"], arrays["stated"]))

    def resample(self, layout: Layout, arrays: Arrays, *, rng: np.random.Generator, n: int) -> Statistics:
        """Counts of n resamples; a class's own objects and all others are drawn apart."""
        drawn = resample_cells(arrays["cells"], rng=rng, n=n)
        mean = arrays["stated"] / np.maximum(arrays["cells"], 1)
        return Statistics(layout, _by_class(drawn, drawn * mean))

    def weighted(self, layout: Layout, sample: Arrays, weight: NDArray[np.float64]) -> Statistics:
        """Counts of weighted objects: sample as scoring.paired has it, weight f8[n, m]."""
        n_true = sample["score"].shape[1]
        row = 2 * np.arange(n_true) + (sample["true"][:, None] == np.arange(n_true))
        bins = np.where(sample["answered"][:, None], bin_of(sample["score"].astype(np.float64)), -1)
        shape = (2 * n_true, BINS)
        return Statistics(
            layout, _by_class(*weighted_bins(bins, sample["score"], row=row, weight=weight, shape=shape))
        )


def _by_class(cells: NDArray, stated: NDArray) -> dict[str, NDArray]:
    others, own = cells[..., 0::2, :], cells[..., 1::2, :]
    return {"n": others + own, "hits": own, "stated": stated[..., 0::2, :] + stated[..., 1::2, :]}


CLASSWISE = ClassReliability()
