"""Hierarchical recall (Kiritchenko et al. 2006): sum |A(given) & A(true)| / sum |A(true)|.

A(c) is the class and its ancestors without the roots; X/Other counts as X. Residual, NotClassified
and a missing answer have no ancestors.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.states import CONFUSION, Statistics
from scoring.tree import overlaps


def hierarchical_recall(statistics: Statistics) -> NDArray[np.float64]:
    """Hierarchical recall, f8[...]."""
    cells = statistics["cells"]
    common, of_true, _ = overlaps(statistics.layout)
    below = (cells * of_true[:, None]).sum((-2, -1))
    return ratio((cells * common).sum((-2, -1)), below)


METRIC = Metric(
    version=1,
    title="Hierarchical recall",
    direction="higher",
    low=0.0,
    high=1.0,
    state=CONFUSION,
    value=hierarchical_recall,
    undefined="no object reaches this point",
)
