"""Hierarchical F1: the harmonic mean of hierarchical precision and recall (Kiritchenko et al. 2006).

0 where objects were answered and nothing is shared with the truth, or nothing was given.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.states import CONFUSION, Statistics
from scoring.tree import overlaps


def hierarchical_f1(statistics: Statistics) -> NDArray[np.float64]:
    """Hierarchical F1, f8[...]."""
    cells = statistics["cells"]
    common, of_true, of_given = overlaps(statistics.layout)
    sizes = (cells * (of_true[:, None] + of_given)).sum((-2, -1))
    return ratio(2 * (cells * common).sum((-2, -1)), sizes)


METRIC = Metric(
    version=1,
    title="Hierarchical F1",
    direction="higher",
    low=0.0,
    high=1.0,
    state=CONFUSION,
    value=hierarchical_f1,
    undefined="no object reaches this point",
)
