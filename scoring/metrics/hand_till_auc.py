"""M of Hand & Till (2001, eq. 7): mean over pairs of classes of the area that separates them.

A(i, j) = [A(i|j) + A(j|i)] / 2 with A(i|j) the probability that an object of class i has a higher
probability of i than one of class j; independent of class frequencies. Pairs with an empty class are
left out. Exact up to 16,384 objects a class (scoring.ranks).
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.metrics._counts import mean_of_defined
from scoring.ranks import RANKS
from scoring.states import Statistics


def hand_till_auc(statistics: Statistics) -> NDArray[np.float64]:
    """M of Hand & Till, f8[...]."""
    total = statistics["total"]
    areas = ratio(statistics["pairs"], total[..., :, None] * total[..., None, :])
    apart = np.where(np.eye(total.shape[-1], dtype=bool), np.nan, areas)
    return mean_of_defined(apart.reshape(*total.shape[:-1], -1))


METRIC = Metric(
    version=1,
    title="Hand-Till AUC",
    direction="higher",
    low=0.0,
    high=1.0,
    state=RANKS,
    value=hand_till_auc,
    undefined="fewer than two classes reach this point",
)
