"""Mean total variation distance between answers to an object that follow each other, 0 .. 1, objects alike.

sum_c |p_c - q_c| / 2: the probability that changes hands; `tree_instability` asks how far it goes, too
(the two agree where all classes are equally far apart). An object of one answer, or none, has 0.
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
    title="Instability (total variation)",
    direction="lower",
    low=0.0,
    high=1.0,
    state=JUMPS,
    value=instability,
    undefined="no object reaches this point",
    history=True,
)
