"""How often a stated probability comes true, in bins of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.snapshot import Layout, Snapshot
from scoring.states import Additive, Arrays, Statistics, resample_cells

__all__ = ["BINS", "CLASSWISE", "TOP", "ClassReliability", "TopReliability", "bin_of"]

BINS = 15
"""Bins of equal width, as in Guo et al. 2017; p = 1 lies in the last."""


def bin_of(p: NDArray[np.float64]) -> NDArray[np.int64]:
    """Bin of each probability, i8 of the same shape; [k/15, (k+1)/15), the last one closed."""
    return np.clip((p * BINS).astype(np.int64), 0, BINS - 1)


@dataclass(frozen=True)
class TopReliability(Additive):
    """Confidence in the named class against being right, for objects with an answer.

    Statistics: ``n``, ``hits`` (counts) and ``stated`` (sum of confidence), [..., 15].
    """

    name: str = "top_reliability"

    def count(self, snapshot: Snapshot) -> Arrays:
        """``cells`` i8[T, 2 * 15] (wrong, right) and ``stated`` f8 of the same shape."""
        answered = snapshot.predicted >= 0
        true, predicted = snapshot.true[answered], snapshot.predicted[answered]
        confidence = snapshot.probability[answered, predicted]
        right = snapshot.layout.target[true] == predicted
        width = 2 * BINS
        cell = true * width + right * BINS + bin_of(confidence)
        shape = (len(snapshot.layout.truth), width)
        return {
            "cells": np.bincount(cell, minlength=shape[0] * width).reshape(shape).astype(np.int64),
            "stated": np.bincount(cell, weights=confidence, minlength=shape[0] * width).reshape(shape),
        }

    def statistics(self, layout: Layout, arrays: Arrays) -> Statistics:
        """Counts a bin."""
        return Statistics(layout, _folded(arrays["cells"], arrays["stated"]))

    def resample(self, layout: Layout, arrays: Arrays, *, rng: np.random.Generator, n: int) -> Statistics:
        """Counts a bin of n resamples, each cell at its mean confidence."""
        drawn = resample_cells(arrays["cells"], rng=rng, n=n)
        mean = arrays["stated"] / np.maximum(arrays["cells"], 1)
        return Statistics(layout, _folded(drawn, drawn * mean))


def _folded(cells: NDArray, stated: NDArray) -> dict[str, NDArray]:
    both, sums = cells.sum(-2), stated.sum(-2)
    wrong, right = both[..., :BINS], both[..., BINS:]
    return {"n": wrong + right, "hits": right, "stated": sums[..., :BINS] + sums[..., BINS:]}


@dataclass(frozen=True)
class ClassReliability(Additive):
    """Probability of each true class against its frequency, for objects with an answer.

    Statistics: ``n``, ``hits``, ``stated`` of each class, [..., T, 15].
    """

    name: str = "class_reliability"

    def count(self, snapshot: Snapshot) -> Arrays:
        """``cells`` i8[2 * T, 15] (class by others and own objects; bin) and ``stated`` f8 likewise."""
        answered = snapshot.predicted >= 0
        true, n_true = snapshot.true[answered], len(snapshot.layout.truth)
        p = snapshot.probability[answered][:, snapshot.layout.target]
        row = 2 * np.arange(n_true) + (true[:, None] == np.arange(n_true))
        cell = (row * BINS + bin_of(p)).ravel()
        size, shape = 2 * n_true * BINS, (2 * n_true, BINS)
        return {
            "cells": np.bincount(cell, minlength=size).reshape(shape).astype(np.int64),
            "stated": np.bincount(cell, weights=p.ravel(), minlength=size).reshape(shape),
        }

    def statistics(self, layout: Layout, arrays: Arrays) -> Statistics:
        """Counts a class and bin."""
        return Statistics(layout, _by_class(arrays["cells"], arrays["stated"]))

    def resample(self, layout: Layout, arrays: Arrays, *, rng: np.random.Generator, n: int) -> Statistics:
        """Counts of n resamples; a class's own objects and all others are drawn apart."""
        drawn = resample_cells(arrays["cells"], rng=rng, n=n)
        mean = arrays["stated"] / np.maximum(arrays["cells"], 1)
        return Statistics(layout, _by_class(drawn, drawn * mean))


def _by_class(cells: NDArray, stated: NDArray) -> dict[str, NDArray]:
    others, own = cells[..., 0::2, :], cells[..., 1::2, :]
    return {"n": others + own, "hits": own, "stated": stated[..., 0::2, :] + stated[..., 1::2, :]}


TOP = TopReliability()
CLASSWISE = ClassReliability()
