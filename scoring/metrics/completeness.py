"""Completeness: the fraction of objects that were answered, rightly or not."""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.states import CONFUSION, Statistics


def completeness(statistics: Statistics) -> NDArray[np.float64]:
    """Fraction of objects with an answer, f8[...]."""
    cells = statistics["cells"]
    return ratio(cells[..., :-1].sum((-2, -1)), cells.sum((-2, -1)))


METRIC = Metric(
    version=1,
    title="Answered objects",
    direction="higher",
    low=0.0,
    high=1.0,
    state=CONFUSION,
    value=completeness,
    undefined="no object reaches this point",
)
