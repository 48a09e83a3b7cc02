"""Resolution term of the Brier score (Murphy 1973), summed over classes.

sum_c sum_b n_cb / N (frequency in the bin - frequency overall)^2: how far probabilities tell cases
apart; a classifier that swaps classes resolves them as well as a perfect one. Brier is about
reliability - resolution + uncertainty. 15 bins of equal width; answered objects alone.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.reliability import CLASSWISE
from scoring.states import Statistics


def brier_resolution(statistics: Statistics) -> NDArray[np.float64]:
    """Resolution, f8[...]."""
    n = statistics["n"].astype(float)
    hits = np.nan_to_num(ratio(statistics["hits"], n))
    whole = ratio(statistics["hits"].sum(-1), n.sum(-1))
    return ratio((n * (hits - whole[..., None]) ** 2).sum(-1), n.sum(-1)).sum(-1)


METRIC = Metric(
    version=1,
    title="Brier resolution",
    direction="higher",
    low=0.0,
    high=2.0,
    state=CLASSWISE,
    value=brier_resolution,
    undefined="no object was answered at this point",
    answered_only=True,
)
