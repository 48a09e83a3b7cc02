"""Balanced accuracy: the mean recall of the classes that have objects.

Undefined for fewer than two classes: nothing was told apart.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric
from scoring.metrics._counts import mean_of_defined, two_classes
from scoring.metrics.recall import recall
from scoring.states import CONFUSION, Statistics


def balanced_accuracy(statistics: Statistics) -> NDArray[np.float64]:
    """Balanced accuracy, f8[...]."""
    return two_classes(statistics, mean_of_defined(recall(statistics)))


METRIC = Metric(
    version=1,
    title="Balanced accuracy",
    direction="higher",
    low=0.0,
    high=1.0,
    state=CONFUSION,
    value=balanced_accuracy,
    undefined="fewer than two classes reach this point",
)
