"""F1 of each class against the rest at its best threshold, chosen on other objects.

max over tau of 2 P R / (P + R) on the precision-recall curve (Deep-TAO's F1), but honest: objects
fall into two halves by the hash of their id, each is judged at the threshold that is best on the
other. Thresholds are multiples of 1/400; equal probabilities stand or fall together. Objects without
an answer are never named. Undefined where a half has no object of the class.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric
from scoring.states import Statistics
from scoring.thresholds import THRESHOLDS, held_out_f1


def threshold_f1(statistics: Statistics) -> NDArray[np.float64]:
    """F1 of each class at held-out thresholds, f8[..., T]."""
    return held_out_f1(statistics["cells"])


METRIC = Metric(
    version=1,
    title="F1 at held-out threshold",
    direction="higher",
    low=0.0,
    high=1.0,
    state=THRESHOLDS,
    value=threshold_f1,
    undefined="a half of the objects has none of this class",
    per_class=True,
)
