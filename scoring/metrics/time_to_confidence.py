"""Median time since the first alert, d, when the true class first had probability 0.75.

Kaplan-Meier (1958) over all objects: those in which it never happened are censored at their last
alert, those never answered too. Bins are 8.5 % wide and the value is the lower end of one. Undefined
where it happened in fewer than half, as far as can be told.
"""

import math

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric
from scoring.states import Statistics
from scoring.survival import CONFIDENCE, kaplan_meier_median


def time_to_confidence(statistics: Statistics) -> NDArray[np.float64]:
    """Median time in d, f8[...]."""
    return kaplan_meier_median(statistics["events"], statistics["censored"])


METRIC = Metric(
    version=1,
    title="Time to confidence, d",
    direction="lower",
    low=0.0,
    high=math.inf,
    state=CONFIDENCE,
    value=time_to_confidence,
    undefined="it happened in fewer than half of the objects",
    history=True,
)
