"""The place of the true class among all, by probability."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.snapshot import Snapshot
from scoring.states import Cells, Statistics

__all__ = ["PLACES"]

LAST = 8
"""Places that are told apart; the last cell holds every later one and objects without an answer."""


def _place(snapshot: Snapshot, _: NDArray) -> NDArray[np.int64]:
    """0 where the true class is the most probable; of equal probabilities the lower id comes first."""
    own = snapshot.layout.target[snapshot.true]
    p = snapshot.probability
    mine = p[np.arange(len(own)), own][:, None]
    before = np.arange(p.shape[1]) < own[:, None]
    place = ((p > mine) | ((p == mine) & before)).sum(1)
    return np.where(snapshot.predicted < 0, LAST - 1, np.minimum(place, LAST - 1)).astype(np.int64)


PLACES = Cells(
    "places",
    width=lambda _: LAST,
    cell=_place,
    fold=lambda layout, cells, _: Statistics(layout, {"cells": cells}),
)
"""Counts of the place of the true class: ``cells`` i8[..., T, 8]."""
