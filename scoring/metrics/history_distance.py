"""Mean Wasserstein-1 distance on the class tree between the answers to an object and the truth, edges.

The mean over all answers to an object of W1(p_k, delta_y) = sum_c p_kc d(c, y), then over objects:
how far a classifier was from the truth all along, where `tree_distance` asks at one point. After
Zhou et al. 2026 (arXiv:2604.23792). Objects without an answer are no part of it.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.states import Statistics
from scoring.survival import AWAY


def history_distance(statistics: Statistics) -> NDArray[np.float64]:
    """Mean distance, f8[...]."""
    return ratio(statistics["total"].sum(-1), statistics["n"].sum(-1))


METRIC = Metric(
    version=1,
    title="Tree distance of all answers",
    direction="lower",
    low=0.0,
    high=8.0,
    state=AWAY,
    value=history_distance,
    undefined="no object was answered",
    answered_only=True,
    history=True,
)
