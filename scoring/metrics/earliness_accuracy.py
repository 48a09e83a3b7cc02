"""Harmonic mean of accuracy and earliness: 2 A (1 - E) / (A + 1 - E) (TEASER, Schaefer & Leser 2020).

An object is decided when any class first has probability 0.75, else at its last answer. E is the mean
fraction of the object's days (first to last alert) that had passed, A the fraction of decisions that
are right; an object without an answer is wrong at E = 1.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.states import Statistics
from scoring.survival import DECISION


def earliness_accuracy(statistics: Statistics) -> NDArray[np.float64]:
    """Harmonic mean of accuracy and earliness, f8[...]."""
    accuracy = ratio(statistics["right"], statistics["n"])
    left = 1.0 - ratio(statistics["decided"], statistics["n"])
    value = ratio(2 * accuracy * left, accuracy + left)
    return np.where((accuracy == 0) & (left == 0), 0.0, value)


METRIC = Metric(
    version=1,
    title="Earliness and accuracy",
    direction="higher",
    low=0.0,
    high=1.0,
    state=DECISION,
    value=earliness_accuracy,
    undefined="no object reaches this point",
    history=True,
)
