"""Losses of single objects that several metrics average."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from scoring.snapshot import Snapshot
from scoring.states import Losses

__all__ = ["BRIER", "KAGGLE_EPSILON", "KAGGLE_LOG", "LOG"]

KAGGLE_EPSILON = 1e-15


def _log(snapshot: Snapshot) -> NDArray[np.float64]:
    return -np.log(np.maximum(snapshot.true_probability(), snapshot.epsilon))


def _kaggle_log(snapshot: Snapshot) -> NDArray[np.float64]:
    return -np.log(np.clip(snapshot.true_probability(), KAGGLE_EPSILON, 1 - KAGGLE_EPSILON))


def _brier(snapshot: Snapshot) -> NDArray[np.float64]:
    squares = np.einsum("nc,nc->n", snapshot.probability, snapshot.probability)
    p = snapshot.true_probability()
    return np.maximum(squares - p * p, 0.0) + (1.0 - p) ** 2


LOG = Losses("log", _log, high=-math.log(1e-6))
KAGGLE_LOG = Losses("kaggle_log", _kaggle_log, high=-math.log(KAGGLE_EPSILON))
BRIER = Losses("brier", _brier, high=2.0)
