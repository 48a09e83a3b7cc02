"""Points in an object's life at which classifiers are compared."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import ConfigError, did_you_mean
from scoring.spec import Scoring

__all__ = ["AXES", "Point", "find_point", "points"]

AXES = ("last", "detection", "days")
"""Kinds of axes, in the order in which coordinates are stacked."""


@dataclass(frozen=True)
class Point:
    """One position on one axis: the last answer, the n-th detection, or days since the first alert."""

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
        if self.axis == "detection":
            return f"detection {self.at:g}"
        return f"{self.at:g} d after the first alert"


def points(spec: Scoring) -> tuple[Point, ...]:
    """The points that a specification asks for: last, then detections, then days."""
    return (
        Point("last", math.nan),
        *(Point("detection", float(n)) for n in spec.detections),
        *(Point("days", float(d)) for d in spec.days),
    )


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
