"""Brokers that misbehave; made in a process of their own."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import numpy as np

from tests.streamer.runs import Prior


class Dies(Prior):
    """Ends its process on every alert whose id divides by 7."""

    def classify(self, batch: Any) -> Any:
        if (batch.alert_id % 7 == 0).any():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().classify(batch)


class Hangs(Prior):
    """Never comes back from an alert whose id divides by 7."""

    def classify(self, batch: Any) -> Any:
        while (batch.alert_id % 7 == 0).any():
            time.sleep(60)
        return super().classify(batch)


class Raises(Prior):
    """Raises on an alert whose id divides by 7."""

    def classify(self, batch: Any) -> Any:
        if (batch.alert_id % 7 == 0).any():
            raise RuntimeError("seven")
        return super().classify(batch)


class Odd(Prior):
    """Gives an array of another shape."""

    def classify(self, batch: Any) -> Any:
        return np.zeros((len(batch), 99), "f4")


def cannot() -> Any:
    """No broker."""
    raise RuntimeError("no model")


def leaves() -> Any:
    """No broker either."""
    os._exit(3)
