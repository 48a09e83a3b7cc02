"""Matthews correlation of several classes, R_K (Gorodkin 2004, eq. 8).

(c s - sum_k p_k t_k) / sqrt((s^2 - sum p_k^2) (s^2 - sum t_k^2)) with s objects, c right, t_k true and
p_k given to class k; "no answer" is a class that is given. 0 by convention where one class alone was
given, as in scikit-learn; undefined for fewer than two true classes. Not the mean of
one-against-rest correlations.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric
from scoring.metrics._counts import hits, two_classes
from scoring.states import CONFUSION, Statistics


def mcc(statistics: Statistics) -> NDArray[np.float64]:
    """Matthews correlation, f8[...]."""
    cells = statistics["cells"].astype(float)
    true = np.zeros(cells.shape[:-2] + cells.shape[-1:])
    true[..., statistics.layout.target] = cells.sum(-1)
    given, s = cells.sum(-2), cells.sum((-2, -1))
    above = hits(statistics).sum(-1) * s - (true * given).sum(-1)
    below = np.sqrt(np.maximum((s**2 - (given**2).sum(-1)) * (s**2 - (true**2).sum(-1)), 0.0))
    value = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    return two_classes(statistics, value)


METRIC = Metric(
    version=1,
    title="MCC",
    direction="higher",
    low=-1.0,
    high=1.0,
    state=CONFUSION,
    value=mcc,
    undefined="fewer than two classes reach this point",
)
