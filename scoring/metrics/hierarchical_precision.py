"""Hierarchical precision (Kiritchenko et al. 2006): sum |A(given) & A(true)| / sum |A(given)|.

A(c) is the class and its ancestors without the roots; X/Other counts as X. Residual, NotClassified
and a missing answer have no ancestors.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.states import CONFUSION, Statistics
from scoring.tree import overlaps


def hierarchical_precision(statistics: Statistics) -> NDArray[np.float64]:
    """Hierarchical precision, f8[...]."""
    cells = statistics["cells"]
    common, _, of_given = overlaps(statistics.layout)
    below = (cells * of_given).sum((-2, -1))
    return ratio((cells * common).sum((-2, -1)), below)


METRIC = Metric(
    version=1,
    title="Hierarchical precision",
    direction="higher",
    low=0.0,
    high=1.0,
    state=CONFUSION,
    value=hierarchical_precision,
    undefined="no object was given a class",
)
