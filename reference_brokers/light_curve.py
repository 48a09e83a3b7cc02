"""The forest on the light curve alone, blind to host, dust and redshift."""

from __future__ import annotations

from dataclasses import replace

from reference_brokers.features import CONTEXT, FEATURES
from reference_brokers.forest import BROKER as FOREST

BROKER = replace(FOREST, name="light_curve", columns=tuple(f for f in FEATURES if f not in CONTEXT))
