"""How well scores tell classes apart: areas under the curve and average precision, for weighted objects."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["ascending", "separation", "separation_plain"]

DIGIT = 11
"""Bits of a digit of the radix sort: three of them hold a float32."""


def ascending(score: NDArray[np.float32]) -> NDArray[np.int32]:
    """Rows from the smallest to the largest score, i4[n], equal ones as they came; scores >= 0."""
    # Floats that are not negative are in the order of their bits; + 0 makes -0 a 0.
    bits = (np.ascontiguousarray(score, np.float32) + np.float32(0)).view(np.uint32)
    return _radix(bits, np.arange(len(bits), dtype=np.int32), np.empty(len(bits), np.int32))


def separation(
    score: NDArray[np.float32], true: NDArray[np.int64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """How well each class's score tells it from each other class, and average precision.

    score: f4[n, T]; true: i8[n]; weight: f8[R, n]. Returns pairs f8[R, T, T], the weight of pairs
    of an object of class i and one of class j where i has more of score i, ties counting half (Mann
    & Whitney 1947); total f8[R, T], weight of each class; precision f8[R, T], sum over thresholds
    of (R_k - R_k-1) P_k of class i against the rest, equal scores being one threshold.
    """
    n_draws, n_true = len(weight), score.shape[1]
    # Resamples run along the last axis, so that the inner loops are over neighbours in memory.
    by_object = np.ascontiguousarray(weight.T)
    total = np.zeros((n_true, n_draws))
    _add_rows(true, by_object, total)
    pairs = np.zeros((n_true, n_true, n_draws))
    precision = np.full((n_true, n_draws), np.nan)
    for i in range(n_true):
        mine = np.ascontiguousarray(score[:, i])
        _sweep(mine, ascending(mine), true, by_object, i, total, pairs[i], precision[i])
    return pairs.transpose(2, 0, 1), total.T, precision.T


def separation_plain(
    score: NDArray[np.float32], true: NDArray[np.int64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """What `separation` returns, pair by pair and threshold by threshold."""
    n_draws, n_true = len(weight), score.shape[1]
    pairs = np.zeros((n_draws, n_true, n_true))
    precision = np.zeros((n_draws, n_true))
    total = np.array([[w[true == t].sum() for t in range(n_true)] for w in weight])
    for r in range(n_draws):
        for i in range(n_true):
            for a in np.flatnonzero(true == i):
                above = (score[a, i] > score[:, i]) + 0.5 * (score[a, i] == score[:, i])
                for j in range(n_true):
                    pairs[r, i, j] += weight[r, a] * (above * weight[r] * (true == j)).sum()
            recalled = 0.0
            for threshold in np.unique(score[:, i])[::-1]:
                named = score[:, i] >= threshold
                hits = weight[r, named & (true == i)].sum()
                if weight[r, named].sum() > 0:
                    precision[r, i] += (hits - recalled) * hits / weight[r, named].sum()
                recalled = hits
            precision[r, i] = precision[r, i] / recalled if recalled else np.nan
    return pairs, total, precision


@numba.njit(cache=True, nogil=True)
def _radix(bits, order, other):  # type: ignore[no-untyped-def]
    mask = (1 << DIGIT) - 1
    for shift in range(0, 32, DIGIT):
        start = np.zeros(mask + 2, np.int64)
        for b in bits:
            start[((b >> np.uint32(shift)) & mask) + 1] += 1
        if start.max() == len(bits):
            continue  # a digit that all share
        start = np.cumsum(start)
        for k in order:
            digit = (bits[k] >> np.uint32(shift)) & mask
            other[start[digit]] = k
            start[digit] += 1
        order, other = other, order
    return order


@numba.njit(cache=True, nogil=True)
def _add_rows(true, weight, total):  # type: ignore[no-untyped-def]
    for k in range(len(true)):
        for r in range(weight.shape[1]):
            total[true[k], r] += weight[k, r]


@numba.njit(cache=True, nogil=True)
def _sweep(score, order, true, weight, own, total, pairs, precision):  # type: ignore[no-untyped-def]
    n, n_draws = weight.shape
    n_true = len(total)
    below = np.zeros((n_true, n_draws))  # weight of each class below the threshold
    tied = np.zeros((n_true, n_draws))
    above = np.zeros(n_draws)  # weight of all classes at or above the threshold
    area = np.zeros(n_draws)
    for t in range(n_true):
        above += total[t]
    i = 0
    while i < n:
        j, any_mine = i, False
        while j < n and score[order[j]] == score[order[i]]:
            any_mine = any_mine or true[order[j]] == own
            j += 1
        if any_mine:
            for q in range(i, j):
                _add(tied[true[order[q]]], weight[order[q]])
            mine, hits = tied[own], below[own]
            for t in range(n_true):
                under, level, found = below[t], tied[t], pairs[t]
                for r in range(n_draws):
                    found[r] += mine[r] * (under[r] + 0.5 * level[r])
            for r in range(n_draws):
                if mine[r] > 0.0:
                    area[r] += mine[r] * (total[own, r] - hits[r]) / above[r]
            for q in range(i, j):
                tied[true[order[q]]] = 0.0
        for q in range(i, j):
            k = order[q]
            w, under = weight[k], below[true[k]]
            for r in range(n_draws):
                under[r] += w[r]
                above[r] -= w[r]
        i = j
    for r in range(n_draws):
        if total[own, r] > 0.0:
            precision[r] = area[r] / total[own, r]


@numba.njit(cache=True, nogil=True, inline="always")
def _add(to, weight):  # type: ignore[no-untyped-def]
    for r in range(len(to)):
        to[r] += weight[r]
