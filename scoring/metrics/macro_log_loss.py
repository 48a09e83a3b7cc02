"""Macro log loss: the mean over classes of the mean -ln p(true class) of their objects.

A class of which no object reaches the point is left out, never scored as perfect.
"""

import math

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.metrics._counts import mean_of_defined
from scoring.metrics._losses import LOG
from scoring.states import Statistics


def macro_log_loss(statistics: Statistics) -> NDArray[np.float64]:
    """Macro log loss, f8[...]."""
    return mean_of_defined(ratio(statistics["total"], statistics["n"]))


METRIC = Metric(
    version=1,
    title="Macro log loss",
    direction="lower",
    low=0.0,
    high=math.inf,
    state=LOG,
    value=macro_log_loss,
    undefined="no object reaches this point",
)
