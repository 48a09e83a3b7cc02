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

__all__ = ["RANKS", "Ranks", "average_precision", "hash_ids", "roc_auc"]

KEPT = 16_384
DRAWN_FROM = 1024
"""Objects of a class that resamples are drawn from, those of the smallest hashes."""

RESAMPLES = 200
"""Fewer than for counts: each resample is a weighted sort of all objects."""


@dataclass(frozen=True)
class Ranks:
    """Probabilities of the true classes for a sample of objects.

    Statistics: ``score`` f4[n, T], ``true`` i8[n], ``hash`` u8[n], ``weight`` f8[..., n].
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
        """The sample with a weight each: objects of its class over those kept."""
        kept = np.bincount(arrays["true"], minlength=len(layout.truth))
        weight = arrays["objects"] / np.maximum(kept, 1)
        return Statistics(layout, {**_sample(arrays), "weight": weight[arrays["true"]]})

    def resample(self, layout: Layout, arrays: Arrays, *, rng: np.random.Generator, n: int) -> Statistics:
        """Up to 200 resamples: weights are multinomial counts within each class."""
        n = min(n, RESAMPLES)
        true = arrays["true"]
        kept = np.bincount(true, minlength=len(layout.truth))
        used = _rank_in_class(true, arrays["hash"]) < DRAWN_FROM
        few = {name: arrays[name][used] for name in ("hash", "true", "score")}
        weight = np.zeros((n, int(used.sum())))
        for t in np.flatnonzero(kept):
            mine = np.flatnonzero(few["true"] == t)
            drawn = rng.multinomial(kept[t], np.full(len(mine), 1 / len(mine)), size=n)
            weight[:, mine] = drawn * (arrays["objects"][t] / kept[t])
        return Statistics(layout, {**few, "weight": weight})


RANKS = Ranks()


def _sample(arrays: Arrays) -> dict[str, NDArray]:
    return {name: arrays[name] for name in ("hash", "true", "score")}


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


def roc_auc(
    score: NDArray[np.float32], positive: NDArray[np.bool_], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Area under the ROC curve, f8[R], for weights f8[R, n]; NaN where a side has no weight.

    The probability that a positive scores above a negative, ties counting half (Mann & Whitney
    1947).
    """
    order = np.argsort(score, kind="stable")
    return _auc(score[order], positive[order], np.ascontiguousarray(weight[:, order]))


def average_precision(
    score: NDArray[np.float32], positive: NDArray[np.bool_], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Average precision, f8[R], for weights f8[R, n]: sum of (R_k - R_k-1) P_k over thresholds.

    Equal scores are one threshold. NaN where there is no positive.
    """
    order = np.argsort(-score, kind="stable")
    return _ap(score[order], positive[order], np.ascontiguousarray(weight[:, order]))


@numba.njit(cache=True, nogil=True)
def _auc(score, positive, weight):  # type: ignore[no-untyped-def]
    n_draws, n = weight.shape
    out = np.empty(n_draws)
    for r in range(n_draws):
        above = below = pairs = 0.0
        i = 0
        while i < n:
            j, tie_positive, tie_negative = i, 0.0, 0.0
            while j < n and score[j] == score[i]:
                if positive[j]:
                    tie_positive += weight[r, j]
                else:
                    tie_negative += weight[r, j]
                j += 1
            pairs += tie_positive * (below + 0.5 * tie_negative)
            below += tie_negative
            above += tie_positive
            i = j
        out[r] = pairs / (above * below) if above * below > 0 else np.nan
    return out


@numba.njit(cache=True, nogil=True)
def _ap(score, positive, weight):  # type: ignore[no-untyped-def]
    n_draws, n = weight.shape
    out = np.empty(n_draws)
    for r in range(n_draws):
        hits = named = total = 0.0
        i = 0
        while i < n:
            j, before = i, hits
            while j < n and score[j] == score[i]:
                named += weight[r, j]
                if positive[j]:
                    hits += weight[r, j]
                j += 1
            if named > 0:
                total += (hits - before) * hits / named
            i = j
        out[r] = total / hits if hits > 0 else np.nan
    return out
