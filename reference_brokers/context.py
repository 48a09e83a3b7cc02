"""The forest on host and dust alone, blind to the light curve: what the surroundings give away."""

from __future__ import annotations

from dataclasses import replace

from reference_brokers.features import CONTEXT
from reference_brokers.forest import BROKER as FOREST

BROKER = replace(FOREST, name="context", columns=CONTEXT)
