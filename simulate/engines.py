"""Physics that several explosive classes share: what powers them, how light escapes, what it looks like.

All functions take parameters f8[n] and return f8[n, p] on the day grid of `simulate.thermal`.
Luminosities are in erg/s, masses in solar masses, velocities in km/s, times in days.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from simulate import dust
from simulate.photometry import Passbands
from simulate.thermal import UNIT_RADIUS, Photosphere, days_grid

__all__ = [
    "DAY",
    "M_SUN",
    "diffusion_time",
    "diffuse",
    "host_dimming",
    "nickel_power",
    "photosphere",
]

Array = NDArray[np.float64]

DAY = 86400.0
M_SUN = 1.98847e33
LIGHT = 2.99792458e10
SIGMA_SB = 5.670374419e-5
BETA = 13.7  # geometry of the density profile (Arnett 1982)

T_NICKEL, T_COBALT = 8.8, 111.3  # e-folding times, d
E_NICKEL, E_COBALT = 3.9e10, 6.78e9  # erg/s/g (Nadyozhin 1994)


def nickel_power(mass_nickel: Array) -> Array:
    """Heating f8[n, p] of decaying nickel and cobalt (Arnett 1982; Nadyozhin 1994)."""
    days = days_grid()
    per_gram = (E_NICKEL - E_COBALT) * np.exp(-days / T_NICKEL) + E_COBALT * np.exp(-days / T_COBALT)
    return mass_nickel[:, None] * M_SUN * per_gram


def diffusion_time(mass: Array, velocity: Array, opacity: Array) -> Array:
    """Diffusion time f8[n] d: sqrt(2 kappa M / (beta c v)) (Arnett 1982). opacity in cm2/g."""
    return np.sqrt(2 * opacity * mass * M_SUN / (BETA * LIGHT * velocity * 1e5)) / DAY


def diffuse(power: Array, time: Array, *, trapping: Array | None = None) -> Array:
    """Luminosity f8[n, p] that leaves ejecta heated by `power` f8[n, p].

    Arnett 1982 eq. 31: exp(-y) integral of power exp(y') dy' with y = (t / time)^2, exact for power
    that is linear in y between the days of the grid. trapping: time [d] after which gamma rays leak,
    power (1 - exp(-(trapping / t)^2)) stays (Clocchiatti & Wheeler 1997).
    """
    days = days_grid()
    if trapping is not None:
        power = power * -np.expm1(-((trapping[:, None] / days) ** 2))
    return _diffuse(np.ascontiguousarray(power), np.asarray(time, "f8"), days)


@numba.njit(cache=True, nogil=True)
def _diffuse(power, time, days):  # type: ignore[no-untyped-def]
    out = np.empty_like(power)
    for k in range(power.shape[0]):
        before, y = 0.0, 0.0
        last = power[k, 0]
        for p in range(days.size):
            here = (days[p] / time[k]) ** 2
            d = here - y
            now = power[k, p]
            if d > 1e-8:
                keep = np.exp(-d)
                mean = (1.0 - keep) / d
                before = before * keep + now - last * keep - (now - last) * mean
            else:
                before += 0.5 * (now + last) * d
            out[k, p] = before
            y, last = here, now
    return out


def photosphere(luminosity: Array, velocity: Array, floor: Array) -> Photosphere:
    """The blackbody of ejecta that expand at `velocity` until they are as cool as `floor` [K].

    The radius is v t while the temperature that the luminosity then asks for is above the floor;
    after that the temperature stays and the photosphere recedes (Nicholl, Guillochon & Berger 2017
    eq. 8-9).
    """
    days = days_grid()
    outer = velocity[:, None] * 1e5 * DAY * days
    bright = np.maximum(luminosity, 1e20)
    temperature = (bright / (4 * np.pi * SIGMA_SB * outer**2)) ** 0.25
    temperature = np.maximum(temperature, floor[:, None])
    area = bright / (4 * np.pi * SIGMA_SB * temperature**4)
    return Photosphere(np.log(temperature).astype("f4"), np.log(area / UNIT_RADIUS**2).astype("f4"))


def host_dimming(passbands: Passbands, z: Array, a_v: Array, *, r_v: float = 3.1) -> Array:
    """Factors f8[n, b] that dust in the host leaves, at the bands' effective wavelengths.

    a_v: f8[n] mag in the rest frame. Law: see `dust.odonnell94`.
    """
    rest = passbands.effective / (1 + z[:, None])
    return 10 ** (-0.4 * a_v[:, None] * dust.odonnell94(rest, r_v))
