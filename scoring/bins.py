"""Objects counted in bins of the probability of each class, their own and others' apart."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from scoring.snapshot import Snapshot

__all__ = ["class_bins", "class_bins_plain", "weighted_bins"]


def class_bins(
    snapshot: Snapshot, bins: int, *, group: NDArray[np.int64], n_groups: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Answered objects by class, other or own, group and bin, i8[T, 2, G, bins], and summed probability.

    Bins are of equal width, [k / bins, (k + 1) / bins), the last one closed. group: i8[n] below G, which
    is n_groups.
    """
    target = snapshot.layout.target
    shape = (len(target), 2, n_groups, bins)
    counts, stated = np.zeros(shape, np.int64), np.zeros(shape)
    _count(snapshot.probability, snapshot.predicted, snapshot.true, target, group, counts, stated)
    return counts, stated


def class_bins_plain(
    snapshot: Snapshot, bins: int, *, group: NDArray[np.int64], n_groups: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """What `class_bins` returns, class by class."""
    shape = (len(snapshot.layout.target), 2, n_groups, bins)
    counts, stated = np.zeros(shape, np.int64), np.zeros(shape)
    answered = snapshot.predicted >= 0
    for t, column in enumerate(snapshot.layout.target):
        p = snapshot.probability[answered, column]
        own = (snapshot.true[answered] == t).astype(int)
        cell = own, group[answered], np.clip((p * bins).astype(int), 0, bins - 1)
        np.add.at(counts[t], cell, 1)
        np.add.at(stated[t], cell, p)
    return counts, stated


@numba.njit(cache=True, nogil=True)
def _count(probability, predicted, true, target, group, counts, stated):  # type: ignore[no-untyped-def]
    bins = counts.shape[3]
    for i in range(len(true)):
        if predicted[i] < 0:
            continue
        for t in range(len(target)):
            p = probability[i, target[t]]
            b = min(max(int(p * bins), 0), bins - 1)
            own = 1 if true[i] == t else 0
            counts[t, own, group[i], b] += 1
            stated[t, own, group[i], b] += p


def weighted_bins(
    bins: NDArray[np.int64],
    probability: NDArray[np.float32],
    *,
    row: NDArray[np.int64],
    weight: NDArray[np.float64],
    shape: tuple[int, int],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight and summed probability in each row and bin for each resample, f8[n, *shape] each.

    bins, row: i8[m, T] of each object and class, -1 for one that does not count; probability: f4[m, T];
    weight: f8[n, m].
    """
    by_object = np.ascontiguousarray(weight.T)
    counts, stated = np.zeros((2, *shape, len(weight)))
    _weigh(bins, probability, row, by_object, counts, stated)
    return counts.transpose(2, 0, 1), stated.transpose(2, 0, 1)


@numba.njit(cache=True, nogil=True)
def _weigh(bins, probability, row, weight, counts, stated):  # type: ignore[no-untyped-def]
    for k in range(len(bins)):
        for t in range(bins.shape[1]):
            if bins[k, t] < 0:
                continue
            n, p = counts[row[k, t], bins[k, t]], stated[row[k, t], bins[k, t]]
            for r in range(weight.shape[1]):
                n[r] += weight[k, r]
                p[r] += weight[k, r] * probability[k, t]
