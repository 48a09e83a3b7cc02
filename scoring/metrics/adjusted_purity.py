"""Purity of each class if all classes were equally frequent: R_jj / sum_i R_ij, R by truth.

The purity of a run depends on the frequencies that its maker chose; this one does not. Undefined
where no object was given the class.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.metrics._counts import support
from scoring.states import CONFUSION, Statistics


def adjusted_purity(statistics: Statistics) -> NDArray[np.float64]:
    """Purity of each class at equal frequencies, f8[..., T]."""
    by_truth = np.nan_to_num(ratio(statistics["cells"], support(statistics)[..., None]))
    target = statistics.layout.target
    own = by_truth[..., np.arange(len(target)), target]
    return ratio(own, by_truth.sum(-2)[..., target])


METRIC = Metric(
    version=1,
    title="Purity at equal frequencies",
    direction="higher",
    low=0.0,
    high=1.0,
    state=CONFUSION,
    value=adjusted_purity,
    undefined="no object was given this class",
    per_class=True,
)
