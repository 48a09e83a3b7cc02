"""Clocks: the machine's, and one that a test moves by hand."""

from __future__ import annotations

import time
from typing import Protocol

from brokerbench.errors import TransportError

__all__ = ["Clock", "ManualClock", "WallClock"]


class Clock(Protocol):
    """Tells the time and waits."""

    def now_us(self) -> int:
        """Microseconds since 1970, UTC."""

    def sleep_until(self, when_us: int) -> None:
        """Return at `when_us`, or at once where that has passed."""


class WallClock:
    """The machine's clock in UTC; it goes on evenly even where the machine's is set back."""

    def __init__(self) -> None:
        # one reading of the adjustable clock, then the one that never goes backwards
        self._origin = time.time_ns() - time.monotonic_ns()

    def now_us(self) -> int:
        """Microseconds since 1970, UTC."""
        return (self._origin + time.monotonic_ns()) // 1000

    def sleep_until(self, when_us: int) -> None:
        """Return at `when_us`, or at once where that has passed."""
        left = when_us - self.now_us()
        if left > 0:
            time.sleep(left / 1e6)


class ManualClock:
    """A clock that stands still until it is moved; sleeping moves it."""

    def __init__(self, now_us: int = 0) -> None:
        self._now = now_us

    def now_us(self) -> int:
        """Microseconds since 1970, UTC."""
        return self._now

    def sleep_until(self, when_us: int) -> None:
        """Move the clock to `when_us`, unless it is past that."""
        self._now = max(self._now, when_us)

    def advance(self, seconds: float) -> None:
        """Move the clock forward; TransportError for a negative step."""
        if seconds < 0:
            raise TransportError(f"clock: expected a step forward, got {seconds} s; a clock never goes back")
        self._now += round(seconds * 1e6)
