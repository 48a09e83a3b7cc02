"""Accuracy: the fraction of objects whose named class is the true one.

sum_i C_ii / N. Objects without an answer are in N. Undefined where no object reaches the point.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.metrics._counts import hits, support
from scoring.states import CONFUSION, Statistics


def accuracy(statistics: Statistics) -> NDArray[np.float64]:
    """Accuracy, f8[...]."""
    return ratio(hits(statistics).sum(-1), support(statistics).sum(-1))


METRIC = Metric(
    version=1,
    title="Accuracy",
    direction="higher",
    low=0.0,
    high=1.0,
    state=CONFUSION,
    value=accuracy,
    undefined="no object reaches this point",
)
