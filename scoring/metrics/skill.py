"""Skill: 1 - L / L_0, L the log loss and L_0 that of the class frequencies at the same point.

1 is perfect, 0 as good as knowing the frequencies alone, negative worse. Undefined where one class
alone reaches the point (L_0 = 0).
"""

import math

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.metrics._losses import LOG
from scoring.metrics.log_loss import log_loss
from scoring.states import Statistics


def skill(statistics: Statistics) -> NDArray[np.float64]:
    """Skill against the class frequencies, f8[...]."""
    n = statistics["n"].astype(float)
    share = ratio(n, n.sum(-1, keepdims=True))
    entropy = -np.where(n > 0, share * np.log(np.where(n > 0, share, 1.0)), 0.0).sum(-1)
    return 1.0 - ratio(log_loss(statistics), entropy)


METRIC = Metric(
    version=1,
    title="Skill against frequencies",
    direction="higher",
    low=-math.inf,
    high=1.0,
    state=LOG,
    value=skill,
    undefined="fewer than two classes reach this point",
)
