"""Class-wise calibration error: sum_b n_b/N |frequency_b - mean probability_b| of each class.

15 bins of equal width of the class's probability, over all answered objects (Kull et al. 2019,
eq. 3).
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.reliability import CLASSWISE
from scoring.states import Statistics


def ece_class(statistics: Statistics) -> NDArray[np.float64]:
    """Calibration error of each class, f8[..., T]."""
    gap = np.abs(statistics["hits"] - statistics["stated"])
    return ratio(gap.sum(-1), statistics["n"].sum(-1))


METRIC = Metric(
    version=1,
    title="Class-wise calibration error",
    direction="lower",
    low=0.0,
    high=1.0,
    state=CLASSWISE,
    value=ece_class,
    undefined="no object was answered at this point",
    per_class=True,
    answered_only=True,
)
