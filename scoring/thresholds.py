"""Scores of each class in fine bins, for two halves of the objects: what one picks, the other judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from scoring.bins import class_bins, weighted_bins
from scoring.ranks import hash_ids
from scoring.snapshot import Layout, Snapshot
from scoring.states import Arrays, Statistics, resample_cells

__all__ = ["BINS", "THRESHOLDS", "Thresholds", "held_out_f1", "held_out_f1_plain"]

BINS = 400
"""Bins of equal width of a probability; a threshold is the lower end of one."""


@dataclass(frozen=True)
class Thresholds:
    """Objects by class, own or other, half and bin of the class's probability.

    The half of an object is a bit of the hash of its id: the same for every classifier. Objects
    without an answer lie below every threshold. Statistics: ``cells`` i8[..., T, 2 own, 2 half, 401].
    """

    name: str = "thresholds"

    def count(self, snapshot: Snapshot) -> Arrays:
        """``cells`` i8[T * 2 * 2, 401], bin 0 for objects without an answer."""
        half = _half(hash_ids(snapshot.object_id))
        counts, _ = class_bins(snapshot, BINS, group=half, n_groups=2)
        n_true, absent = len(counts), snapshot.predicted < 0
        own = np.bincount(2 * snapshot.true[absent] + half[absent], minlength=2 * n_true).reshape(-1, 2)
        nothing = np.stack([own.sum(0) - own, own], 1)  # [T, 2 own, 2 half]
        cells = np.concatenate([nothing[..., None], counts], -1)
        return {"cells": cells.reshape(n_true * 4, BINS + 1).astype(np.int64)}

    def merge(self, pieces: Sequence[Arrays]) -> Arrays:
        """Sums."""
        return {"cells": np.sum([p["cells"] for p in pieces], axis=0)}

    def statistics(self, layout: Layout, arrays: Arrays) -> Statistics:
        """The cells by class, own and half."""
        return Statistics(layout, {"cells": arrays["cells"].reshape(-1, 2, 2, BINS + 1)})

    def resample(self, layout: Layout, arrays: Arrays, *, rng: np.random.Generator, n: int) -> Statistics:
        """Cells of up to 200 resamples; each class's own and other objects of a half are drawn apart."""
        drawn = resample_cells(arrays["cells"], rng=rng, n=min(n, 200))
        return Statistics(layout, {"cells": drawn.reshape(len(drawn), -1, 2, 2, BINS + 1)})

    def weighted(self, layout: Layout, sample: Arrays, weight: NDArray[np.float64]) -> Statistics:
        """Cells of weighted objects: sample as scoring.paired has it, weight f8[n, m]."""
        n_true = sample["score"].shape[1]
        own = sample["true"][:, None] == np.arange(n_true)
        row = (np.arange(n_true) * 2 + own) * 2 + _half(sample["hash"])[:, None]
        bins = np.minimum((sample["score"].astype(np.float64) * BINS).astype(np.int64), BINS - 1) + 1
        bins[~sample["answered"]] = 0
        shape = (4 * n_true, BINS + 1)
        cells, _ = weighted_bins(bins, sample["score"], row=row, weight=weight, shape=shape)
        return Statistics(layout, {"cells": cells.reshape(len(cells), n_true, 2, 2, BINS + 1)})


THRESHOLDS = Thresholds()


def _half(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The half of the objects that each belongs to, by a bit of its hash."""
    return (hashes >> np.uint64(17)).astype(np.int64) & 1


def held_out_f1(cells: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 of each class at the threshold that is best on the other half, f8[..., T].

    Each half picks for the other and the counts are added, so that every object is judged once, at a
    threshold it had no part in. NaN where a half has no object of the class.
    """
    flat = np.ascontiguousarray(cells).reshape(-1, *cells.shape[-3:])
    out = np.full(len(flat), np.nan)
    _held_out(flat, out)
    return out.reshape(cells.shape[:-3])


def held_out_f1_plain(cells: NDArray[np.int64]) -> NDArray[np.float64]:
    """What `held_out_f1` returns, all thresholds side by side."""
    above = cells[..., ::-1].cumsum(-1)[..., ::-1]  # objects at or above each bin
    false, true = above[..., 0, :, :], above[..., 1, :, :]  # [..., T, 2 half, bins]
    objects = cells[..., 1, :, :].sum(-1)
    f1 = 2 * true / np.maximum(true + false + objects[..., None], 1)
    f1[..., 0] = -1.0  # naming everything, answered or not, is no threshold
    pick = f1.argmax(-1)[..., ::-1]  # of the other half
    right = np.take_along_axis(true, pick[..., None], -1)[..., 0].sum(-1)
    wrong = np.take_along_axis(false, pick[..., None], -1)[..., 0].sum(-1)
    value = 2 * right / np.maximum(right + wrong + objects.sum(-1), 1)
    return np.where((objects > 0).all(-1), value, np.nan)


@numba.njit(cache=True, nogil=True)
def _held_out(cells, out):  # type: ignore[no-untyped-def]
    n_bins = cells.shape[-1]
    for r in range(len(cells)):
        objects = cells[r, 1].sum(1)
        if objects.min() == 0:
            continue
        pick = np.zeros(2, np.int64)
        for half in range(2):
            best, false, true = -1.0, 0, 0
            for b in range(n_bins - 1, 0, -1):  # bin 0, answered or not, is no threshold
                false += cells[r, 0, half, b]
                true += cells[r, 1, half, b]
                f1 = 2 * true / max(true + false + objects[half], 1)
                if f1 >= best:
                    best, pick[half] = f1, b
        right, wrong = 0, 0
        for half in range(2):
            for b in range(pick[1 - half], n_bins):
                wrong += cells[r, 0, half, b]
                right += cells[r, 1, half, b]
        out[r] = 2 * right / max(right + wrong + objects.sum(), 1)
