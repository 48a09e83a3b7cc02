"""Weighted log loss of the PLAsTiCC challenge on Kaggle (Malz et al. 2019; class weights as released).

L = -[sum_i w_i (1/N_i) sum_{j in i} ln p_ij] / sum_i w_i, with natural logarithms, rows divided by
their sum and p then kept within 1e-15 .. 1 - 1e-15, whatever the specification's epsilon. w is 2 for
TDE, KN (and "other"), 1 for every other class. A class without objects is left out of both sums.
Kaggle's division by the sum is `normalise = "rescale"`; otherwise Residual keeps its share.
"""

import math

import numpy as np
from numpy.typing import NDArray

from brokerbench.taxonomy import PLASTICC
from scoring.metric import Metric, ratio
from scoring.metrics._losses import KAGGLE_LOG
from scoring.states import Statistics


def plasticc_log_loss(statistics: Statistics) -> NDArray[np.float64]:
    """Weighted log loss, f8[...]."""
    weight = np.where(statistics["n"] > 0, PLASTICC.weights_of(statistics.layout.truth), 0.0)
    mean = np.nan_to_num(ratio(statistics["total"], statistics["n"]))
    return ratio((weight * mean).sum(-1), weight.sum(-1))


METRIC = Metric(
    version=1,
    title="PLAsTiCC log loss",
    direction="lower",
    low=0.0,
    high=math.inf,
    state=KAGGLE_LOG,
    value=plasticc_log_loss,
    undefined="no object reaches this point",
)
