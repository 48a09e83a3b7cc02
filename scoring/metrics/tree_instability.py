"""Mean Wasserstein-1 distance on the class tree between answers to an object that follow each other, edges.

W1(p_k, p_k+1) with the path between two classes as their distance: sum over the tree's edges of the
probability that moves along it, so that SN Ia for Ib/c costs less than SN Ia for AGN. The stability
of Zhou et al. 2026 (arXiv:2604.23792) with this distance; `instability` has all classes equally far
apart. Residual and NotClassified stand at the root above all classes, X/Other for X. Objects weigh
alike; one of a single answer, or none, has 0.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.states import Statistics
from scoring.survival import MOVES


def tree_instability(statistics: Statistics) -> NDArray[np.float64]:
    """Mean distance, f8[...]."""
    return ratio(statistics["total"].sum(-1), statistics["n"].sum(-1))


METRIC = Metric(
    version=1,
    title="Tree instability (Wasserstein)",
    direction="lower",
    low=0.0,
    high=8.0,
    state=MOVES,
    value=tree_instability,
    undefined="no object reaches this point",
    history=True,
)
