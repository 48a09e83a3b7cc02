"""Mean over classes of the area under the ROC curve of each class against the rest.

Classes without objects are left out. Exact up to 16,384 objects a class (scoring.ranks).
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric
from scoring.metrics._counts import mean_of_defined
from scoring.metrics.roc_auc import one_against_rest
from scoring.ranks import RANKS
from scoring.states import Statistics


def macro_roc_auc(statistics: Statistics) -> NDArray[np.float64]:
    """Macro area under the ROC curve, f8[...]."""
    return mean_of_defined(one_against_rest(statistics))


METRIC = Metric(
    version=1,
    title="Macro ROC AUC",
    direction="higher",
    low=0.0,
    high=1.0,
    state=RANKS,
    value=macro_roc_auc,
    undefined="fewer than two classes reach this point",
)
