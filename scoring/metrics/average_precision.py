"""Average precision of each class against the rest: sum_k (R_k - R_k-1) P_k over thresholds.

Equal probabilities are one threshold; never the trapezoidal area. A classifier that knows nothing has
the class's frequency. Undefined where no object of the class reaches the point. Exact up to 16,384
objects a class (scoring.ranks).
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric
from scoring.ranks import RANKS
from scoring.states import Statistics


def average_precision(statistics: Statistics) -> NDArray[np.float64]:
    """Average precision of each class, f8[..., T]."""
    return statistics["precision"]


METRIC = Metric(
    version=1,
    title="Average precision",
    direction="higher",
    low=0.0,
    high=1.0,
    state=RANKS,
    value=average_precision,
    undefined="no object of this class reaches this point",
    per_class=True,
)
