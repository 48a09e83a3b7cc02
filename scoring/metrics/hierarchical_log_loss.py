"""Hierarchical log loss (Villar et al. 2023, eq. 3, all class weights 1).

Mean over objects of -sum_l exp(-0.5 l) ln p(node_l | node_l-1) along the path from the root to the
true class; p of a node is all probability below it, so that mass on an inner class counts down to
it. Conditional probabilities are at least the specification's epsilon.
"""

import math

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.metrics._losses import HIERARCHICAL
from scoring.states import Statistics


def hierarchical_log_loss(statistics: Statistics) -> NDArray[np.float64]:
    """Mean hierarchical log loss, f8[...]."""
    return ratio(statistics["total"].sum(-1), statistics["n"].sum(-1))


METRIC = Metric(
    version=1,
    title="Hierarchical log loss",
    direction="lower",
    low=0.0,
    high=math.inf,
    state=HIERARCHICAL,
    value=hierarchical_log_loss,
    undefined="no object reaches this point",
)
