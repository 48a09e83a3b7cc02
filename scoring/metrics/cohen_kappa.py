"""Cohen's kappa: (p_o - p_e) / (1 - p_e), agreement beyond chance (Cohen 1960).

"No answer" is a class that is given. Undefined for fewer than two true classes.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.metrics._counts import hits, two_classes
from scoring.states import CONFUSION, Statistics


def cohen_kappa(statistics: Statistics) -> NDArray[np.float64]:
    """Cohen's kappa, f8[...]."""
    cells = statistics["cells"].astype(float)
    total = cells.sum((-2, -1))
    given = cells.sum(-2)[..., statistics.layout.target]
    observed = ratio(hits(statistics).sum(-1), total)
    chance = ratio((cells.sum(-1) * given).sum(-1), total**2)
    return two_classes(statistics, ratio(observed - chance, 1 - chance))


METRIC = Metric(
    version=1,
    title="Cohen kappa",
    direction="higher",
    low=-1.0,
    high=1.0,
    state=CONFUSION,
    value=cohen_kappa,
    undefined="fewer than two classes reach this point",
)
