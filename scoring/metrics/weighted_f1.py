"""Weighted F1: the mean F1 of the classes, each weighted by its number of objects.

A class without objects has no weight.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.metrics._counts import support
from scoring.metrics.f1 import f1
from scoring.states import CONFUSION, Statistics


def weighted_f1(statistics: Statistics) -> NDArray[np.float64]:
    """Weighted F1, f8[...]."""
    objects = support(statistics)
    return ratio((np.nan_to_num(f1(statistics)) * objects).sum(-1), objects.sum(-1))


METRIC = Metric(
    version=1,
    title="Weighted F1",
    direction="higher",
    low=0.0,
    high=1.0,
    state=CONFUSION,
    value=weighted_f1,
    undefined="no object reaches this point",
)
