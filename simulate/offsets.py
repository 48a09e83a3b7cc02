"""Where in its host galaxy a transient goes off, and how near that looks."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from simulate.rates import kpc_per_arcsec

__all__ = ["BULGE_SIZE", "OffsetRule", "d_dlr", "follow_light", "log_normal_kpc", "nuclear", "remote"]

Array = NDArray[np.float64]

BULGE_SIZE = 0.6
"""Half-light radius of a bulge over that of its disk: the median of SCOTCH's hosts (a1 / a0)."""

OffsetRule = Callable[[np.random.Generator, "object"], tuple[Array, Array]]
"""rule(rng, galaxies) -> offsets east and north of the centre, f8[n] arcsec each."""


@lru_cache(maxsize=4)
def _radii(index: float) -> tuple[Array, Array]:
    """Light shares and the radii [half-light radii] that hold them, for a Sersic profile."""
    share = np.concatenate([[0.0], np.geomspace(1e-4, 0.5, 400), 1 - np.geomspace(0.5, 1e-4, 400)[1:]])
    b = gammaincinv(2 * index, 0.5)
    return share, (gammaincinv(2 * index, share) / b) ** index


def _sersic_radius(u: Array, index: float) -> Array:
    share, radius = _radii(index)
    return np.minimum(np.interp(u, share, radius), 6.0)  # a de Vaucouleurs tail reaches too far


def _rotate(galaxies: object, along: Array, across: Array) -> tuple[Array, Array]:
    cos, sin = np.cos(galaxies.angle), np.sin(galaxies.angle)  # type: ignore[attr-defined]
    return along * cos - across * sin, along * sin + across * cos


def follow_light(low: float = 0.0, high: float = 1.0) -> OffsetRule:
    """The rule that transients follow the light of bulge (n = 4) and disk (n = 1).

    low, high: range of enclosed light of the profile that is used, as in SNANA's HOSTLIB.
    """

    def rule(rng: np.random.Generator, galaxies: object) -> tuple[Array, Array]:
        n = len(galaxies)  # type: ignore[arg-type]
        u = low + rng.random(n) * (high - low)
        in_bulge = rng.random(n) < galaxies.bulge  # type: ignore[attr-defined]
        size = np.where(in_bulge, BULGE_SIZE, 1.0) * galaxies.radius  # type: ignore[attr-defined]
        r = size * np.where(in_bulge, _sersic_radius(u, 4.0), _sersic_radius(u, 1.0))
        phi = rng.uniform(0, 2 * np.pi, n)
        return _rotate(galaxies, r * np.cos(phi), r * galaxies.axis_ratio * np.sin(phi))  # type: ignore[attr-defined]

    return rule


def nuclear(error: float = 0.05) -> OffsetRule:
    """The rule for nuclear transients: the centre, with the error [arcsec] of a centroid."""

    def rule(rng: np.random.Generator, galaxies: object) -> tuple[Array, Array]:
        x, y = error * rng.standard_normal((2, len(galaxies)))  # type: ignore[arg-type]
        return x, y

    return rule


def log_normal_kpc(median: float, dex: float, largest: float) -> OffsetRule:
    """The rule of kicked binaries: projected log-normal distances [kpc] in any direction."""

    def rule(rng: np.random.Generator, galaxies: object) -> tuple[Array, Array]:
        n = len(galaxies)  # type: ignore[arg-type]
        kpc = np.minimum(median * 10 ** (dex * rng.standard_normal(n)), largest)
        r = kpc / kpc_per_arcsec(galaxies.z)  # type: ignore[attr-defined]
        phi = rng.uniform(0, 2 * np.pi, n)
        return r * np.cos(phi), r * np.sin(phi)

    return rule


def remote(share: float = 1 / 3, factor: float = 3.0) -> OffsetRule:
    """The rule of calcium-rich transients: a share lies in a halo `factor` times as large."""
    light = follow_light()

    def rule(rng: np.random.Generator, galaxies: object) -> tuple[Array, Array]:
        x, y = light(rng, galaxies)
        n = len(x)
        r = factor * galaxies.radius * _sersic_radius(rng.random(n), 4.0)  # type: ignore[attr-defined]
        phi = rng.uniform(0, 2 * np.pi, n)
        far = rng.random(n) < share
        return np.where(far, r * np.cos(phi), x), np.where(far, r * np.sin(phi), y)

    return rule


def d_dlr(east: Array, north: Array, *, a: Array, b: Array, angle: Array) -> Array:
    """Separation over directional light radius f8[n] (Gupta et al. 2016).

    east, north: f8[n] arcsec from the centre of the galaxy, east being d(RA) cos(Dec). a, b:
    half-light semi-axes [arcsec]. angle: of the major axis from east to north [rad].
    """
    along = east * np.cos(angle) + north * np.sin(angle)
    across = north * np.cos(angle) - east * np.sin(angle)
    return np.hypot(along / a, across / b)
