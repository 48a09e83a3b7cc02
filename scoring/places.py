"""The place of the true class among all, by probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoring.snapshot import Layout, Snapshot
from scoring.states import Additive, Arrays, Statistics, resample_cells

__all__ = ["PLACES", "Places"]

LAST = 8
"""Places that are told apart; the last cell holds every later one and objects without an answer."""


@dataclass(frozen=True)
class Places(Additive):
    """Counts of the place of the true class: 0 where it is the most probable.

    Statistics: ``cells`` i8[..., T, 8].
    """

    name: str = "places"

    def count(self, snapshot: Snapshot) -> Arrays:
        """``cells`` i8[T, 8]; of equal probabilities the lower class id comes first."""
        own = snapshot.layout.target[snapshot.true]
        p = snapshot.probability
        mine = p[np.arange(len(own)), own][:, None]
        before = np.arange(p.shape[1]) < own[:, None]
        place = ((p > mine) | ((p == mine) & before)).sum(1)
        place = np.where(snapshot.predicted < 0, LAST - 1, np.minimum(place, LAST - 1))
        n_true = len(snapshot.layout.truth)
        flat = np.bincount(snapshot.true * LAST + place, minlength=n_true * LAST)
        return {"cells": flat.reshape(n_true, LAST).astype(np.int64)}

    def statistics(self, layout: Layout, arrays: Arrays) -> Statistics:
        """The cells themselves."""
        return Statistics(layout, arrays)

    def resample(self, layout: Layout, arrays: Arrays, *, rng: np.random.Generator, n: int) -> Statistics:
        """Cells i8[n, T, 8] of n resamples."""
        return Statistics(layout, {"cells": resample_cells(arrays["cells"], rng=rng, n=n)})


PLACES = Places()
