"""Area under the ROC curve of each class against the rest (Mann & Whitney 1947).

The probability that an object of the class has a higher probability of it than one that is not;
ties count half. Undefined where a side is empty. Exact up to 16,384 objects a class (scoring.ranks).
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.ranks import RANKS
from scoring.states import Statistics


def one_against_rest(statistics: Statistics) -> NDArray[np.float64]:
    """Area of each class, f8[..., T]."""
    pairs, total = statistics["pairs"], statistics["total"]
    other = 1.0 - np.eye(total.shape[-1])
    return ratio((pairs * other).sum(-1), total * (total @ other))


METRIC = Metric(
    version=1,
    title="ROC AUC",
    direction="higher",
    low=0.0,
    high=1.0,
    state=RANKS,
    value=one_against_rest,
    undefined="no object of this class, or of any other, reaches this point",
    per_class=True,
)
