"""Mean distance in the class tree between the true and the named class, in edges.

depth(y) + depth(c) - 2 depth(lowest common ancestor), below one root above all classes. Residual,
NotClassified and a missing answer stand at that root; X/Other stands for X.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.states import CONFUSION, Statistics
from scoring.tree import distances


def lca_distance(statistics: Statistics) -> NDArray[np.float64]:
    """Mean distance, f8[...]."""
    cells = statistics["cells"]
    return ratio((cells * distances(statistics.layout)).sum((-2, -1)), cells.sum((-2, -1)))


METRIC = Metric(
    version=1,
    title="Tree distance of named class",
    direction="lower",
    low=0.0,
    high=8.0,
    state=CONFUSION,
    value=lca_distance,
    undefined="no object reaches this point",
)
