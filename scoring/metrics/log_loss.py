"""Log loss: -mean ln p(true class), natural logarithm, every object alike.

p is at least the specification's epsilon; a class that the classifier does not know has p = 0.
Objects without an answer count as the policy for missing answers says.
"""

import math

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.metrics._losses import LOG
from scoring.states import Statistics


def log_loss(statistics: Statistics) -> NDArray[np.float64]:
    """Mean log loss, f8[...]."""
    return ratio(statistics["total"].sum(-1), statistics["n"].sum(-1))


METRIC = Metric(
    version=1,
    title="Log loss",
    direction="lower",
    low=0.0,
    high=math.inf,
    state=LOG,
    value=log_loss,
    undefined="no object reaches this point",
)
