"""Purity in the top B of the nights: of the objects picked for a class, the fraction that are of it.

Every night the B objects of greatest probability of the class are picked among those answered that
night (B is `budget`, 100 by default; scoring.nightly); an object picked on several nights counts once.
Undefined where no object was picked. Intervals hold the lists fixed.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.nightly import NIGHTLY
from scoring.states import Statistics


def night_purity(statistics: Statistics) -> NDArray[np.float64]:
    """Purity of what was picked for each class, f8[..., T]."""
    return ratio(statistics["own"], statistics["own"] + statistics["other"])


METRIC = Metric(
    version=1,
    title="Purity in the nights' top B",
    direction="higher",
    low=0.0,
    high=1.0,
    state=NIGHTLY,
    value=night_purity,
    undefined="no object was picked for this class",
    per_class=True,
    history=True,
)
