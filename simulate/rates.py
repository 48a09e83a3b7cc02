"""How many objects there are, and at which redshifts.

Distances: flat LambdaCDM with H0 = 70 km/s/Mpc and Omega_m = 0.3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "SKY_DEG2",
    "PerArea",
    "PerVolume",
    "PerVolumeYear",
    "core_collapse_s15",
    "distance_modulus",
    "kpc_per_arcsec",
    "lensing",
    "madau_dickinson",
    "power_law",
]

Array = NDArray[np.float64]
Rate = Callable[[Array], Array]

SKY_DEG2 = 360.0**2 / np.pi
H0, OMEGA_M = 70.0, 0.3
LIGHT_KM = 299792.458  # km/s
_HUBBLE_MPC = LIGHT_KM / H0
_NODES = 8192
_Z_MAX = 12.0


@lru_cache(maxsize=1)
def _comoving() -> tuple[Array, Array]:
    """Redshifts f8[k] and comoving distances f8[k] Mpc."""
    z = np.expm1(np.linspace(0.0, np.log1p(_Z_MAX), _NODES))
    inverse = 1.0 / np.sqrt(OMEGA_M * (1 + z) ** 3 + 1 - OMEGA_M)
    slope = inverse * (1 + z)  # integrand in ln(1 + z), whose steps are equal
    step = np.log1p(_Z_MAX) / (_NODES - 1)
    distance = np.concatenate([[0.0], np.cumsum(0.5 * (slope[1:] + slope[:-1]))]) * step
    return z, _HUBBLE_MPC * distance


def distance_modulus(z: ArrayLike) -> Array:
    """Distance modulus f8[n] mag at redshifts z > 0."""
    redshift = np.asarray(z, "f8")
    comoving = np.interp(redshift, *_comoving())
    return 5 * np.log10(comoving * (1 + redshift)) + 25


def lensing(rng: np.random.Generator, z: Array, scatter: float) -> Array:
    """Changes f8[n] mag of the distance modulus by weak lensing, of width scatter * z.

    Magnifications are log-normal with mean 1: most lines of sight are a little fainter, few much
    brighter (Jonsson et al. 2010: 0.055 z; SNANA's map: 0.04 z).
    """
    width = 0.4 * np.log(10) * scatter * z
    magnified = width * rng.standard_normal(len(z)) - 0.5 * width**2
    return -2.5 / np.log(10) * magnified


def kpc_per_arcsec(z: ArrayLike) -> Array:
    """Proper length f8[n] kpc of one second of arc at redshifts z > 0."""
    redshift = np.asarray(z, "f8")
    comoving = np.interp(redshift, *_comoving())
    return comoving / (1 + redshift) * 1e3 * np.pi / 648000


@dataclass(frozen=True)
class PerVolumeYear:
    """Events of a volumetric rate [yr^-1 Mpc^-3, rest frame]."""

    rate: Rate
    dilated = True  # dN/dt = R dV / (1 + z): clocks there run slow


@dataclass(frozen=True)
class PerVolume:
    """Lasting objects of a comoving density [Mpc^-3]."""

    rate: Rate
    dilated = False


@dataclass(frozen=True)
class PerArea:
    """Galactic objects of a mean density on the sky [deg^-2]."""

    density: float


def expected(
    population: PerVolumeYear | PerVolume | PerArea,
    redshift: tuple[float, float] | None,
    *,
    area_deg2: float,
    years: float,
) -> float:
    """Mean number of objects in a redshift range, an area and (for events) a time."""
    if isinstance(population, PerArea):
        return population.density * area_deg2
    assert redshift is not None
    _, cumulative = _shells(population, redshift)
    time = years if population.dilated else 1.0
    return float(cumulative[-1] * area_deg2 / SKY_DEG2 * time)


def redshifts(
    population: PerVolumeYear | PerVolume, redshift: tuple[float, float], rng: np.random.Generator, n: int
) -> Array:
    """Redshifts f8[n] drawn from dN = R(z) dV/dz / (1 + z) dz (events) or n(z) dV/dz dz (objects)."""
    z, cumulative = _shells(population, redshift)
    return np.interp(rng.random(n) * cumulative[-1], cumulative, z)


@lru_cache(maxsize=64)
def _shells(population: PerVolumeYear | PerVolume, redshift: tuple[float, float]) -> tuple[Array, Array]:
    """Redshifts f8[k] and the number below each over the whole sky (a year for events)."""
    z = np.linspace(*redshift, 4096)
    comoving = np.interp(z, *_comoving())
    hubble = np.sqrt(OMEGA_M * (1 + z) ** 3 + 1 - OMEGA_M)
    volume = 4 * np.pi * comoving**2 * _HUBBLE_MPC / hubble
    density = population.rate(z) * volume
    if population.dilated:
        density = density / (1 + z)
    steps = 0.5 * (density[1:] + density[:-1]) * np.diff(z)
    return z, np.concatenate([[0.0], np.cumsum(steps)])


def power_law(at_zero: float, slope: float) -> Rate:
    """The rate at_zero (1 + z)^slope."""
    return lambda z: at_zero * (1 + z) ** slope


def madau_dickinson(at_zero: float) -> Rate:
    """A rate that follows star formation, `at_zero` at z = 0 (Madau & Dickinson 2014 eq. 15)."""

    def history(z: Array) -> Array:
        return (1 + z) ** 2.7 / (1 + ((1 + z) / 2.9) ** 5.6)

    return lambda z: at_zero * history(z) / history(np.zeros(1))


def core_collapse_s15(fraction: float) -> Rate:
    """A share of the core-collapse rate 0.0091 h^2 * 0.015 (1+z)^5 / (1 + ((1+z)/1.5)^6.1), h = 0.7.

    Strolger et al. 2015 as SNANA implements it.
    """
    scale = fraction * 0.0091 * 0.7**2 * 0.015
    return lambda z: scale * (1 + z) ** 5.0 / (1 + ((1 + z) / 1.5) ** 6.1)
