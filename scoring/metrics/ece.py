"""Expected calibration error of the named class: sum_b n_b/N |accuracy_b - confidence_b|.

15 bins of equal width (Guo et al. 2017, eq. 3). Objects without an answer state nothing and are left
out.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.reliability import TOP
from scoring.states import Statistics


def ece(statistics: Statistics) -> NDArray[np.float64]:
    """Expected calibration error, f8[...]."""
    gap = np.abs(statistics["hits"] - statistics["stated"])
    return ratio(gap.sum(-1), statistics["n"].sum(-1))


METRIC = Metric(
    version=1,
    title="ECE",
    direction="lower",
    low=0.0,
    high=1.0,
    state=TOP,
    value=ece,
    undefined="no object was answered at this point",
    answered_only=True,
)
