"""Recall (completeness) of each class: C_ii / sum_j C_ij, objects without an answer in the sum.

Undefined where no object of the class reaches the point.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.metrics._counts import hits, support
from scoring.states import CONFUSION, Statistics


def recall(statistics: Statistics) -> NDArray[np.float64]:
    """Recall of each class, f8[..., T]."""
    return ratio(hits(statistics), support(statistics))


METRIC = Metric(
    version=1,
    title="Recall",
    direction="higher",
    low=0.0,
    high=1.0,
    state=CONFUSION,
    value=recall,
    undefined="no object of this class reaches this point",
    per_class=True,
    successes=lambda statistics: (hits(statistics), support(statistics)),
)
