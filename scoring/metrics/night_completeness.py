"""Completeness in the top B of the nights: of the objects of a class, the fraction ever picked for it.

Every night the B objects of greatest probability of the class are picked among those answered that
night (B is `budget`, 100 by default; scoring.nightly); an object picked on several nights counts once.
Objects without an answer are in the denominator. Undefined where there is no object of the class.
Intervals hold the lists fixed.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.nightly import NIGHTLY
from scoring.states import Statistics


def night_completeness(statistics: Statistics) -> NDArray[np.float64]:
    """Completeness of what was picked for each class, f8[..., T]."""
    return ratio(statistics["own"], statistics["objects"])


METRIC = Metric(
    version=1,
    title="Completeness in the nights' top B",
    direction="higher",
    low=0.0,
    high=1.0,
    state=NIGHTLY,
    value=night_completeness,
    undefined="no object of this class",
    per_class=True,
    history=True,
)
