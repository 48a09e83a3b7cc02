"""Scores of single objects, for metrics that need their order: a sample with weights, exact if small.

Of each true class all objects are kept up to 16,384, and beyond that those of the smallest hash of
their id: the same whatever the order and the chunks. A metric weighs each class by its true number
of objects over the number kept. Probabilities are compared as float32, the precision of an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from scoring.snapshot import Layout, Snapshot
from scoring.states import Arrays, Statistics

__all__ = ["RANKS", "Ranks", "hash_ids", "separation", "separation_plain"]

KEPT = 16_384
DRAWN_FROM = 512
"""Objects of a class that resamples are drawn from, those of the smallest hashes."""

RESAMPLES = 200
"""Fewer than for counts: each resample is a sweep over all objects and classes."""

NAMES = ("pairs", "total", "precision")


@dataclass(frozen=True)
class Ranks:
    """Probabilities of the true classes for a sample of objects.

    Statistics: ``pairs`` f8[..., T, T], ``total`` and ``precision`` f8[..., T] of `separation`.
    """

    name: str = "ranks"

    def count(self, snapshot: Snapshot) -> Arrays:
        """The objects of one snapshot, pruned, and how many there are of each class."""
        layout = snapshot.layout
        piece: dict[str, NDArray] = {
            "hash": hash_ids(snapshot.object_id),
            "true": snapshot.true,
            "score": np.ascontiguousarray(snapshot.probability[:, layout.target], np.float32),
            "objects": np.bincount(snapshot.true, minlength=len(layout.truth)).astype(np.int64),
        }
        return _pruned(piece)

    def merge(self, pieces: Sequence[Arrays]) -> Arrays:
        """The objects of all pieces, pruned again."""
        joined: dict[str, NDArray] = {
            name: np.concatenate([p[name] for p in pieces]) for name in ("hash", "true", "score")
        }
        joined["objects"] = np.sum([p["objects"] for p in pieces], axis=0)
        return _pruned(joined)

    def statistics(self, layout: Layout, arrays: Arrays) -> Statistics:
        """Those of the sample, each object weighing as much as its class has over what was kept."""
        kept = np.bincount(arrays["true"], minlength=len(layout.truth))
        weight = (arrays["objects"] / np.maximum(kept, 1))[arrays["true"]]
        found = separation(arrays["score"], arrays["true"], weight[None])
        return Statistics(layout, {k: v[0] for k, v in zip(NAMES, found, strict=True)})

    def resample(self, layout: Layout, arrays: Arrays, *, rng: np.random.Generator, n: int) -> Statistics:
        """Those of up to 200 resamples: weights are multinomial counts within each class."""
        n = min(n, RESAMPLES)
        kept = np.bincount(arrays["true"], minlength=len(layout.truth))
        used = np.flatnonzero(_rank_in_class(arrays["true"], arrays["hash"]) < DRAWN_FROM)
        # In the order of the hashes, so that draws do not depend on how the objects came.
        used = used[np.lexsort((arrays["hash"][used], arrays["true"][used]))]
        true = arrays["true"][used]
        weight = np.zeros((n, len(used)))
        for t in np.flatnonzero(kept):
            mine = np.flatnonzero(true == t)
            drawn = rng.multinomial(kept[t], np.full(len(mine), 1 / len(mine)), size=n)
            weight[:, mine] = drawn * (arrays["objects"][t] / kept[t])
        found = separation(arrays["score"][used], true, weight)
        return Statistics(layout, dict(zip(NAMES, found, strict=True)))


RANKS = Ranks()


def _rank_in_class(true: NDArray[np.int64], hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Place of each object among those of its class, by hash, i8[n]."""
    order = np.lexsort((hashes, true))
    starts = np.searchsorted(true[order], np.arange(true.max(initial=-1) + 2))
    place = np.empty(len(true), np.int64)
    place[order] = np.arange(len(true)) - starts[true[order]]
    return place


def _pruned(arrays: dict[str, NDArray]) -> dict[str, NDArray]:
    if (np.bincount(arrays["true"], minlength=1) <= KEPT).all():
        return arrays
    kept = _rank_in_class(arrays["true"], arrays["hash"]) < KEPT
    return {k: v if k == "objects" else v[kept] for k, v in arrays.items()}


def hash_ids(ids: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Well-mixed numbers of ids, u8[n] (splitmix64, Steele, Lea & Flood 2014)."""
    with np.errstate(over="ignore"):
        x = ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


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
        order = np.argsort(score[:, i])
        _sweep(np.ascontiguousarray(score[:, i]), order, true, by_object, i, total, pairs[i], precision[i])
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
    mine = np.zeros(n_draws)
    above = np.zeros(n_draws)  # weight of all classes at or above the threshold
    hits = np.zeros(n_draws)  # weight of the class itself below
    area = np.zeros(n_draws)
    for t in range(n_true):
        above += total[t]
    i = 0
    while i < n:
        j, any_mine = i, False
        while j < n and score[order[j]] == score[order[i]]:
            k = order[j]
            tied[true[k]] += weight[k]
            any_mine = any_mine or true[k] == own
            j += 1
        if any_mine:
            mine[:] = tied[own]
            for t in range(n_true):
                for r in range(n_draws):
                    pairs[t, r] += mine[r] * (below[t, r] + 0.5 * tied[t, r])
            for r in range(n_draws):
                if mine[r] > 0.0:
                    area[r] += mine[r] * (total[own, r] - hits[r]) / above[r]
                    hits[r] += mine[r]
        for q in range(i, j):
            t = true[order[q]]
            for r in range(n_draws):
                w = tied[t, r]
                below[t, r] += w
                above[r] -= w
                tied[t, r] = 0.0
        i = j
    for r in range(n_draws):
        if total[own, r] > 0.0:
            precision[r] = area[r] / total[own, r]
