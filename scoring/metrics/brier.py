"""Brier score: mean over objects of sum_c (p_c - [c is true])^2 (Brier 1950), from 0 to 2.

The original scale: neither halved nor divided by the number of classes. Residual and NotClassified
are columns like any other.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.metrics._losses import BRIER
from scoring.states import Statistics


def brier(statistics: Statistics) -> NDArray[np.float64]:
    """Mean Brier score, f8[...]."""
    return ratio(statistics["total"].sum(-1), statistics["n"].sum(-1))


METRIC = Metric(
    version=1,
    title="Brier score",
    direction="lower",
    low=0.0,
    high=2.0,
    state=BRIER,
    value=brier,
    undefined="no object reaches this point",
)
