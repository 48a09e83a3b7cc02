"""Lists of the most probable objects of each night and class, which fill up part by part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["filled", "numbered", "picks_plain"]

Lists = Mapping[str, NDArray]
"""night i8[N]; size i8[N, T]; and of the members, unordered, score f4, hash u8, true i2, all [N, T, B]."""


def numbered(night: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct nights in order, i8[N], and which of them each is, i8[k]."""
    if len(night) and night.max() - night.min() <= 4 * len(night) + 4096:
        there = np.bincount(night - night.min()) > 0
        return np.flatnonzero(there) + night.min(), (np.cumsum(there) - 1)[night - night.min()]
    distinct, index = np.unique(night, return_inverse=True)
    return distinct, index.ravel()


def filled(rows: Sequence[Lists], lists: Sequence[Lists], *, classes: int, budget: int) -> Lists:
    """The lists of the union of answers and of earlier lists, each of at most `budget` members.

    rows: answers as night i8[k], hash u8[k], true i2[k], score f4[k, T]. A list holds the greatest
    scores of its night and class, of equal ones those of the smaller hash, and none of 0.
    """
    found = [numbered(r["night"]) for r in rows]
    nights = np.unique(np.concatenate([[], *(n for n, _ in found), *(one["night"] for one in lists)]))
    most = np.zeros(len(nights), np.int64)  # answers of a night: no list can be longer
    for distinct, index in found:
        most[np.searchsorted(nights, distinct)] += np.bincount(index, minlength=len(distinct))
    for one in lists:
        most[np.searchsorted(nights, one["night"])] += one["score"].shape[2]
    width = int(min(budget, most.max(initial=0)))
    shape = (len(nights), classes, width)
    score, hashes = np.zeros(shape, np.float32), np.zeros(shape, np.uint64)
    true, size = np.zeros(shape, np.int16), np.zeros(shape[:2], np.int64)
    for one in lists:
        at = np.searchsorted(nights, one["night"])
        _join(at, one["size"], one["score"], one["hash"], one["true"], size, score, hashes, true)
    least = np.zeros(shape[:2], np.float32)
    if width:
        least[size == width] = score[size == width, 0]
    for r, (distinct, index) in zip(rows, found, strict=True):
        at = np.searchsorted(nights, distinct)[index]
        _fill(at, r["score"], r["hash"], r["true"], least, size, score, hashes, true)
    return {"night": nights.astype(np.int64), "size": size, "score": score, "hash": hashes, "true": true}


def picks_plain(
    night: NDArray[np.int64], hashes: NDArray[np.uint64], score: NDArray[np.float32], *, budget: int
) -> NDArray[np.bool_]:
    """Whether each answer is on the list of its night, bool[k, T], by sorting each night's answers."""
    out = np.zeros(score.shape, bool)
    for one in set(night.tolist()):
        for c in range(score.shape[1]):
            mine = [i for i in range(len(night)) if night[i] == one and score[i, c] > 0]
            mine.sort(key=lambda i: (-score[i, c], int(hashes[i])))  # noqa: B023
            out[mine[:budget], c] = True
    return out


@numba.njit(cache=True, nogil=True)
def _fill(at, given, hashed, truth, least, size, score, hashes, true):  # type: ignore[no-untyped-def]
    """Offer every answer to its lists; `least`, what a full list begins at, turns nearly all away."""
    width = score.shape[2]
    for k in range(len(at)):
        night = at[k]
        for c in range(given.shape[1]):
            s = given[k, c]
            if s > 0.0 and s >= least[night, c]:
                heap = score[night, c], hashes[night, c], true[night, c]
                size[night, c] = _offer(s, hashed[k], truth[k], size[night, c], heap)
                if size[night, c] == width:
                    least[night, c] = score[night, c, 0]


@numba.njit(cache=True, nogil=True)
def _join(at, n, given, hashed, truth, size, score, hashes, true):  # type: ignore[no-untyped-def]
    for night in range(len(at)):
        for c in range(n.shape[1]):
            heap = score[at[night], c], hashes[at[night], c], true[at[night], c]
            for q in range(n[night, c]):
                one = given[night, c, q], hashed[night, c, q], truth[night, c, q]
                size[at[night], c] = _offer(one[0], one[1], one[2], size[at[night], c], heap)


@numba.njit(cache=True, nogil=True)
def _before(a, of_a, b, of_b):  # type: ignore[no-untyped-def]
    return a < b or (a == b and of_a > of_b)


@numba.njit(cache=True, nogil=True)
def _offer(s, h, t, size, heap):  # type: ignore[no-untyped-def]
    """Put one into a heap whose first is the next to leave; the size that it then has."""
    score, hashes, true = heap
    if size < len(score):
        i = size
        while i > 0 and _before(s, h, score[(i - 1) // 2], hashes[(i - 1) // 2]):
            above = (i - 1) // 2
            score[i], hashes[i], true[i] = score[above], hashes[above], true[above]
            i = above
        score[i], hashes[i], true[i] = s, h, t
        return size + 1
    if not _before(score[0], hashes[0], s, h):
        return size
    i = 0
    while 2 * i + 1 < size:
        below = 2 * i + 1
        if below + 1 < size and _before(score[below + 1], hashes[below + 1], score[below], hashes[below]):
            below += 1
        if not _before(score[below], hashes[below], s, h):
            break
        score[i], hashes[i], true[i] = score[below], hashes[below], true[below]
        i = below
    score[i], hashes[i], true[i] = s, h, t
    return size
