"""Figure of merit of the Supernova Photometric Classification Challenge (Kessler et al. 2010, eq. 3).

efficiency * TP / (TP + 3 FP) of each class: false positives count three times. 0 for a class that was
never named.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.metric import Metric, ratio
from scoring.metrics._counts import hits, named, support
from scoring.states import CONFUSION, Statistics

FALSE_WEIGHT = 3.0


def snphotcc_fom(statistics: Statistics) -> NDArray[np.float64]:
    """Figure of merit of each class, f8[..., T]."""
    right = hits(statistics)
    purity = np.nan_to_num(ratio(right, right + FALSE_WEIGHT * (named(statistics) - right)))
    return ratio(right, support(statistics)) * purity


METRIC = Metric(
    version=1,
    title="SNPhotCC figure of merit",
    direction="higher",
    low=0.0,
    high=1.0,
    state=CONFUSION,
    value=snphotcc_fom,
    undefined="no object of this class reaches this point",
    per_class=True,
)
