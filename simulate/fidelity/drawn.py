"""Objects of a class drawn outside a survey, and how they shine, for comparisons."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brokerbench.rng import stream
from simulate import rates
from simulate.photometry import Passbands, lsst
from simulate.registries import HOSTS, SOURCES
from simulate.source import Parameters, Place, Scene

__all__ = ["draw", "place_of", "same_times"]

Array = NDArray[np.float64]
T0 = 60000.0


def place_of(name: str, n: int, *, seed: int, redshift: tuple[float, float] | None = None) -> Place:
    """n places of a class: redshifts by its rate, hosts of its population; t0 = 60000 for all."""
    source = SOURCES[name]
    t0, nan = np.full(n, T0), np.full(n, np.nan)
    if source.galactic:
        return Place(np.zeros(n), nan, t0, nan, nan)
    z = rates.redshifts(source.population, redshift or source.redshift, stream(seed, "place"), n)
    hosts = HOSTS[str(source.hosts)].draw(stream(seed, "hosts"), z)
    return Place(z, rates.distance_modulus(z), t0, hosts.log_mass, hosts.log_sfr)


def draw(name: str, place: Place, *, seed: int) -> Parameters:
    """Parameters of a class at places."""
    return SOURCES[name].draw(stream(seed, "parameters"), place)


def same_times(
    place: Place, days: ArrayLike, band: ArrayLike, *, passbands: Passbands | None = None
) -> Scene:
    """All objects seen at the same days f8[k] after t0 (observer's frame) in bands i1[k]."""
    n, mjd = len(place), T0 + np.asarray(days, "f8")
    bands = np.broadcast_to(np.asarray(band, "i1"), mjd.shape)
    return Scene(
        z=place.z,
        distance_modulus=place.distance_modulus,
        t0=place.t0,
        offsets=np.arange(n + 1, dtype="i8") * len(mjd),
        mjd=np.tile(mjd, n),
        band=np.tile(bands, n),
        passbands=passbands or lsst(),
    )
