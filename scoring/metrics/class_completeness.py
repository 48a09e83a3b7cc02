"""Objects of each class with an answer: 1 - C_i,none / sum_j C_ij.

Undefined where no object of the class reaches the point.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.metrics._counts import support
from scoring.states import CONFUSION, Statistics


def class_completeness(statistics: Statistics) -> NDArray[np.float64]:
    """Fraction of the objects of each class with an answer, f8[..., T]."""
    return ratio(_answered(statistics), support(statistics))


def _answered(statistics: Statistics) -> NDArray[np.int64]:
    return statistics["cells"][..., :-1].sum(-1)


METRIC = Metric(
    version=1,
    title="Answered objects of the class",
    direction="higher",
    low=0.0,
    high=1.0,
    state=CONFUSION,
    value=class_completeness,
    undefined="no object of this class reaches this point",
    per_class=True,
    successes=lambda statistics: (_answered(statistics), support(statistics)),
)
