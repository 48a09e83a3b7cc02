"""Macro F1 at level 1 of the class tree: Non-Recurring or Recurring.

Truth and probabilities are summed into the nodes of that depth before the largest is taken; a class
that is not as deep stays a class of its own.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.levels import BROAD
from scoring.metric import Metric
from scoring.metrics.macro_f1 import macro_f1
from scoring.states import Statistics


def macro_f1_level_1(statistics: Statistics) -> NDArray[np.float64]:
    """Macro F1 of the nodes of depth 1, f8[...]."""
    return macro_f1(statistics)


METRIC = Metric(
    version=1,
    title="Macro F1, level 1",
    direction="higher",
    low=0.0,
    high=1.0,
    state=BROAD,
    value=macro_f1_level_1,
    undefined="fewer than two classes reach this point",
)
