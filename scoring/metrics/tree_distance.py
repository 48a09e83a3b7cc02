"""Expected distance in the class tree: mean over objects of sum_c p_c d(c, y), edges.

The Wasserstein-1 distance between the stated probabilities and the truth on the tree. Residual,
NotClassified and a missing answer stand at the root above all classes; X/Other stands for X.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.metrics._losses import TREE_DISTANCE
from scoring.states import Statistics


def tree_distance(statistics: Statistics) -> NDArray[np.float64]:
    """Mean expected distance, f8[...]."""
    return ratio(statistics["total"].sum(-1), statistics["n"].sum(-1))


METRIC = Metric(
    version=1,
    title="Expected tree distance",
    direction="lower",
    low=0.0,
    high=8.0,
    state=TREE_DISTANCE,
    value=tree_distance,
    undefined="no object reaches this point",
)
