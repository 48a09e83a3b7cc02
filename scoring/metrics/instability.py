"""Mean distance between answers to an object that follow each other, 0 .. 1, objects alike.

The distance is total variation, sum_c |p_c - q_c| / 2: the Wasserstein-1 distance where all classes
are equally far apart. An object of one answer, or none, has 0.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.states import Statistics
from scoring.survival import JUMPS


def instability(statistics: Statistics) -> NDArray[np.float64]:
    """Mean distance, f8[...]."""
    return ratio(statistics["total"].sum(-1), statistics["n"].sum(-1))


METRIC = Metric(
    version=1,
    title="Instability",
    direction="lower",
    low=0.0,
    high=1.0,
    state=JUMPS,
    value=instability,
    undefined="no object reaches this point",
    history=True,
)
