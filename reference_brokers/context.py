"""The forest on host and dust alone, blind to the light curve: what the surroundings give away."""

from __future__ import annotations

from reference_brokers.features import CONTEXT
from reference_brokers.forest import grow
from reference_brokers.learner import Learner

BROKER = Learner(name="context", version="1", learn=grow, columns=CONTEXT)
