"""M of Hand & Till (2001, eq. 7): mean over pairs of classes of the area that separates them.

A(i, j) = [A(i|j) + A(j|i)] / 2 with A(i|j) the probability that an object of class i has a higher
probability of i than one of class j; independent of class frequencies. Pairs with an empty class are
left out. Exact up to 16,384 objects a class (scoring.ranks).
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric
from scoring.metrics._counts import mean_of_defined
from scoring.ranks import RANKS, roc_auc
from scoring.states import Statistics


def hand_till_auc(statistics: Statistics) -> NDArray[np.float64]:
    """M of Hand & Till, f8[...]."""
    weight = np.atleast_2d(statistics["weight"])
    score, true = statistics["score"], statistics["true"]
    rows = [np.flatnonzero(true == t) for t in range(score.shape[1])]
    areas = []
    for i, mine in enumerate(rows):
        for j, others in enumerate(rows):
            if i != j:
                both = np.concatenate([mine, others])
                areas.append(roc_auc(score[both, i], true[both] == i, weight[:, both]))
    shape = statistics["weight"].shape[:-1]
    if not areas:
        return np.full(shape, np.nan)
    return mean_of_defined(np.stack(areas, -1)).reshape(shape)


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
