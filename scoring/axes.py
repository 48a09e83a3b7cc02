"""Points in an object's life at which classifiers are compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import ConfigError, did_you_mean
from scoring.spec import Scoring

__all__ = ["AXES", "Point", "find_point", "points"]

AXES = ("last", "detection", "days", "answer", "phase", "rest_phase", "date", "fraction")
"""Kinds of axes, in the order in which coordinates are stacked."""


@dataclass(frozen=True)
class Point:
    """One position on one axis, e.g. the last answer, the n-th detection, days since the first alert."""

    axis: str
    at: float

    @property
    def key(self) -> str:
        """How the point is written on a command line: ``last``, ``detection:3``, ``days:8``."""
        return self.axis if math.isnan(self.at) else f"{self.axis}:{self.at:g}"

    @property
    def label(self) -> str:
        """The point in words."""
        if self.axis == "last":
            return "last answer"
        return {
            "detection": f"detection {self.at:g}",
            "days": f"{self.at:g} d after the first alert",
            "answer": f"answer {self.at:g}",
            "phase": f"{self.at:+g} d from peak",
            "rest_phase": f"{self.at:+g} rest-frame d from peak",
            "date": f"MJD {self.at:.1f}",
            "fraction": f"{100 * self.at:g} % of the alerts",
        }[self.axis]


def points(spec: Scoring) -> tuple[Point, ...]:
    """The points that a specification asks for: last, then the other axes in the order of AXES."""
    given: dict[str, Sequence[float]] = {
        "detection": spec.detections,
        "days": spec.days,
        "answer": spec.answers,
        "phase": spec.phases,
        "rest_phase": spec.rest_phases,
        "date": spec.dates,
        "fraction": spec.fractions,
    }
    rest = (Point(axis, float(at)) for axis in AXES[1:] for at in given[axis])
    return (Point("last", math.nan), *rest)


def find_point(key: str, known: tuple[Point, ...]) -> Point:
    """The point written as `key`. ConfigError where it is none of `known`."""
    for point in known:
        if point.key == key:
            return point
    keys = [p.key for p in known]
    raise ConfigError(f"axis: expected a point that was scored, got {key!r}; {did_you_mean(key, keys)}")


def axis_numbers(of: tuple[Point, ...]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Axis i8[A] (index into AXES) and limit f8[A] of points, as the kernels take them."""
    axis = np.array([AXES.index(p.axis) for p in of], dtype=np.int64)
    limit = np.array([math.inf if p.axis == "last" else p.at for p in of], dtype=np.float64)
    return axis, limit
