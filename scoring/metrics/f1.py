"""F1 of each class: 2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall.

FN counts objects without an answer. Defined, and 0, for a class that has objects and was never
named. Undefined where no object of the class reaches the point, even if some were given it: those
lower the F1 of their own classes.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.metrics._counts import hits, named, support
from scoring.states import CONFUSION, Statistics


def f1(statistics: Statistics) -> NDArray[np.float64]:
    """F1 of each class, f8[..., T]."""
    objects = support(statistics)
    value = ratio(2 * hits(statistics), objects + named(statistics))
    return np.where(objects > 0, value, np.nan)


METRIC = Metric(
    version=1,
    title="F1",
    direction="higher",
    low=0.0,
    high=1.0,
    state=CONFUSION,
    value=f1,
    undefined="no object of this class reaches this point",
    per_class=True,
)
