"""The forest on the light curve alone, blind to host, dust and redshift."""

from __future__ import annotations

from reference_brokers.features import CONTEXT, FEATURES
from reference_brokers.forest import grow
from reference_brokers.learner import Learner

BROKER = Learner(
    name="light_curve", version="1", learn=grow, columns=tuple(f for f in FEATURES if f not in CONTEXT)
)
