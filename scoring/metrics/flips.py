"""Mean number of times that the named class of an object changed from one answer to the next."""

import math

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.states import Statistics
from scoring.survival import FLIPS


def flips(statistics: Statistics) -> NDArray[np.float64]:
    """Mean number of changes, f8[...]."""
    return ratio(statistics["total"].sum(-1), statistics["n"].sum(-1))


METRIC = Metric(
    version=1,
    title="Flips",
    direction="lower",
    low=0.0,
    high=math.inf,
    state=FLIPS,
    value=flips,
    undefined="no object reaches this point",
    history=True,
)
