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

from scoring.draws import multinomials
from scoring.separation import separation
from scoring.snapshot import Layout, Snapshot
from scoring.states import Arrays, Statistics

__all__ = ["RANKS", "Ranks", "hash_ids", "lowest", "resampled"]

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
        kept = lowest(piece["true"], piece["hash"], KEPT)
        return piece if kept.all() else {k: v if k == "objects" else v[kept] for k, v in piece.items()}

    def merge(self, pieces: Sequence[Arrays]) -> Arrays:
        """The objects of all pieces, pruned again."""
        true, hashes = (np.concatenate([p[name] for p in pieces]) for name in ("true", "hash"))
        kept = lowest(true, hashes, KEPT)
        ends = np.cumsum([len(p["true"]) for p in pieces])[:-1]
        score = [p["score"][k] for p, k in zip(pieces, np.split(kept, ends), strict=True)]
        objects = np.sum([p["objects"] for p in pieces], axis=0)
        return {"hash": hashes[kept], "true": true[kept], "score": np.concatenate(score), "objects": objects}

    def statistics(self, layout: Layout, arrays: Arrays) -> Statistics:
        """Those of the sample, each object weighing as much as its class has over what was kept."""
        kept = np.bincount(arrays["true"], minlength=len(layout.truth))
        weight = (arrays["objects"] / np.maximum(kept, 1))[arrays["true"]]
        found = separation(arrays["score"], arrays["true"], weight[None])
        return Statistics(layout, {k: v[0] for k, v in zip(NAMES, found, strict=True)})

    def resample(self, layout: Layout, arrays: Arrays, *, rng: np.random.Generator, n: int) -> Statistics:
        """Those of up to 200 resamples of the objects within each class.

        Draws depend on ids and true classes alone: equal generators resample two classifiers alike.
        Where they are of a part of the sample they are moved to the values of the whole.
        """
        n = min(n, RESAMPLES)
        used, weight = resampled(arrays, rng=rng, n=n)
        score, true = arrays["score"][used], arrays["true"][used]
        found = dict(zip(NAMES, separation(score, true, weight), strict=True))
        if len(used) < len(arrays["true"]):
            once = (arrays["objects"] / np.maximum(np.bincount(true, minlength=len(arrays["objects"])), 1))[
                true
            ]
            part = dict(zip(NAMES, separation(score, true, once[None]), strict=True))
            found = _moved(found, part, self.statistics(layout, arrays))
        return Statistics(layout, found)


def _moved(drawn: Arrays, part: Arrays, whole: Statistics) -> dict[str, NDArray[np.float64]]:
    """Draws of a part of the objects, with the areas and precisions of all of them in their middle."""
    total = drawn["total"]  # the same in all three: resamples keep the size of each class
    weight = total[:, :, None] * total[:, None, :]
    area = (drawn["pairs"] + (whole["pairs"] - part["pairs"])) / np.maximum(weight, 1e-300)
    precision = drawn["precision"] + (whole["precision"] - part["precision"])
    return {
        "pairs": np.clip(area, 0.0, 1.0) * weight,
        "total": total,
        "precision": np.clip(precision, 0.0, 1.0),
    }


def resampled(
    arrays: Arrays,
    *,
    rng: np.random.Generator,
    n: int,
    size: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows of the sample that resamples are drawn from, i8[m], and their weights in each, f8[n, m].

    size: i8[T], objects of a resample of each class, those kept where None. Up to 512 are drawn with
    replacement from themselves. Of a class of more the 512 of the smallest hashes have gamma weights
    with the variance that a resample of that size would have (the Bayesian bootstrap of Rubin 1981).
    The weights of a class sum to its number of objects.
    """
    kept = np.bincount(arrays["true"], minlength=len(arrays["objects"]))
    size = kept if size is None else size
    used = np.flatnonzero(lowest(arrays["true"], arrays["hash"], DRAWN_FROM))
    # In the order of the hashes, so that draws do not depend on how the objects came.
    used = used[np.lexsort((arrays["hash"][used], arrays["true"][used]))]
    weight = np.empty((len(used), n))  # each resample a column: the way `separation` wants them
    first = 0
    for t in np.flatnonzero(kept):
        m = int(min(kept[t], DRAWN_FROM))
        if size[t] <= m:
            drawn = multinomials(np.ones((1, m), np.int64), rng=rng, n=n)[:, 0].T.astype(np.float64)
        else:
            drawn = rng.standard_gamma(size[t] / m, (m, n))
        weight[first : first + m] = drawn * (arrays["objects"][t] / drawn.sum(0))
        first += m
    return used, weight.T


RANKS = Ranks()


def lowest(true: NDArray[np.int64], hashes: NDArray[np.uint64], most: int) -> NDArray[np.bool_]:
    """Whether each object is among the `most` smallest hashes of its class, bool[n]; hashes differ."""
    return _lowest(true, hashes, most, np.bincount(true, minlength=1))


@numba.njit(cache=True, nogil=True)
def _lowest(true, hashes, most, counts):  # type: ignore[no-untyped-def]
    limit = np.full(len(counts), np.uint64(0xFFFFFFFFFFFFFFFF))
    for t in np.flatnonzero(counts > most):
        mine = np.empty(counts[t], np.uint64)
        n = 0
        for i in range(len(true)):
            if true[i] == t:
                mine[n] = hashes[i]
                n += 1
        limit[t] = np.partition(mine, most - 1)[most - 1]
    kept = np.empty(len(true), np.bool_)
    for i in range(len(true)):
        kept[i] = hashes[i] <= limit[true[i]]
    return kept


def hash_ids(ids: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Well-mixed numbers of ids, u8[n] (splitmix64, Steele, Lea & Flood 2014)."""
    with np.errstate(over="ignore"):
        x = ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))
