"""Macro F1: the mean F1 of the classes that have objects.

The list of classes is the specification's, never what happens to occur in the predictions: a stray
id must not change the denominator. A class of which no object reaches the point is left out;
fewer than two classes are no comparison and undefined.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric
from scoring.metrics._counts import mean_of_defined, two_classes
from scoring.metrics.f1 import f1
from scoring.states import CONFUSION, Statistics


def macro_f1(statistics: Statistics) -> NDArray[np.float64]:
    """Macro F1, f8[...]."""
    return two_classes(statistics, mean_of_defined(f1(statistics)))


METRIC = Metric(
    version=1,
    title="Macro F1",
    direction="higher",
    low=0.0,
    high=1.0,
    state=CONFUSION,
    value=macro_f1,
    undefined="fewer than two classes reach this point",
)
