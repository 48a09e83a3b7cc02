"""Macro F1 at level 2 of the class tree: SN-like, Fast, Long, Periodic or Non-Periodic.

Truth and probabilities are summed into the nodes of that depth before the largest is taken; a class
that is not as deep stays a class of its own.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.levels import GENERAL
from scoring.metric import Metric
from scoring.metrics.macro_f1 import macro_f1
from scoring.states import Statistics


def macro_f1_level_2(statistics: Statistics) -> NDArray[np.float64]:
    """Macro F1 of the nodes of depth 2, f8[...]."""
    return macro_f1(statistics)


METRIC = Metric(
    version=1,
    title="Macro F1, level 2",
    direction="higher",
    low=0.0,
    high=1.0,
    state=GENERAL,
    value=macro_f1_level_2,
    undefined="fewer than two classes reach this point",
)
