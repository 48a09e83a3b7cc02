"""Top-2 accuracy: the fraction of objects whose true class is among the 2 most probable.

Among equal probabilities lower class ids come first. Objects without an answer are in the
denominator.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.places import PLACES
from scoring.states import Statistics


def top_2_accuracy(statistics: Statistics) -> NDArray[np.float64]:
    """Top-2 accuracy, f8[...]."""
    places = statistics["cells"].sum(-2)
    return ratio(places[..., :2].sum(-1), places.sum(-1))


METRIC = Metric(
    version=1,
    title="Top-2 accuracy",
    direction="higher",
    low=0.0,
    high=1.0,
    state=PLACES,
    value=top_2_accuracy,
    undefined="no object reaches this point",
)
