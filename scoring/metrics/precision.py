"""Precision (purity) of each class: C_ii / sum_j C_ji.

Undefined where no object was given the class, never 0.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.metrics._counts import hits, named
from scoring.states import CONFUSION, Statistics


def precision(statistics: Statistics) -> NDArray[np.float64]:
    """Precision of each class, f8[..., T]."""
    return ratio(hits(statistics), named(statistics))


METRIC = Metric(
    version=1,
    title="Precision",
    direction="higher",
    low=0.0,
    high=1.0,
    state=CONFUSION,
    value=precision,
    undefined="no object was given this class",
    per_class=True,
)
