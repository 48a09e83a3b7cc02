"""Reliability term of the Brier score (Murphy 1973), summed over classes.

sum_c sum_b n_cb / N (mean probability - frequency)^2: how far stated probabilities are from what
comes true. Brier is about reliability - resolution + uncertainty. 15 bins of equal width; answered
objects alone.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.reliability import CLASSWISE
from scoring.states import Statistics


def brier_reliability(statistics: Statistics) -> NDArray[np.float64]:
    """Reliability, f8[...]."""
    n = statistics["n"].astype(float)
    hits = np.nan_to_num(ratio(statistics["hits"], n))
    stated = np.nan_to_num(ratio(statistics["stated"], n))
    return ratio((n * (stated - hits) ** 2).sum(-1), n.sum(-1)).sum(-1)


METRIC = Metric(
    version=1,
    title="Brier reliability",
    direction="lower",
    low=0.0,
    high=2.0,
    state=CLASSWISE,
    value=brier_reliability,
    undefined="no object was answered at this point",
    answered_only=True,
)
