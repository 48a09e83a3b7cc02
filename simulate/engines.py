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
    "LIGHT",
    "M_SUN",
    "decline_power",
    "diffuse",
    "diffusion_time",
    "fallback_power",
    "host_dimming",
    "host_extinction",
    "magnetar_power",
    "nickel_power",
    "photosphere",
    "plateau",
    "steady_photosphere",
    "trapping_time",
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


def magnetar_power(period: Array, field: Array, *, mass: float = 1.4) -> Array:
    """Spin-down power f8[n, p] of a magnetar: period [ms], field [1e14 G], mass of the star [Msun].

    Kasen & Bildsten 2010, as Nicholl, Guillochon & Berger 2017 eq. 2-4 write it.
    """
    seconds = days_grid() * DAY
    energy = 2.6e52 * (mass / 1.4) ** 1.5 * period**-2
    time = 1.3e5 * field**-2 * period**2 * (mass / 1.4) ** 1.5
    return energy[:, None] / time[:, None] * (1 + seconds / time[:, None]) ** -2


def decline_power(scale: Array, index: Array, *, end: Array, onset: float = 1.0) -> Array:
    """Power f8[n, p] that falls as a power law and ends: interaction with circumstellar matter.

    scale: [erg/s] at 10 d. index: L ~ t^-index (3/8 for a wind and a steep ejecta profile, Moriya et
    al. 2013 eq. 23). end: d, where the shock leaves the matter; then it falls within a tenth of that.
    onset: d, before which it is constant.
    """
    days = days_grid()
    time = np.maximum(days, onset)
    leaves = 1 / (1 + np.exp(np.minimum((days - end[:, None]) / (0.1 * end[:, None]), 50.0)))
    return scale[:, None] * (time / 10.0) ** -index[:, None] * leaves


def fallback_power(luminosity: Array, time: Array, viscous: Array) -> Array:
    """Accretion power f8[n, p] of a disrupted star: t^-5/3, behind a viscous delay.

    luminosity: [erg/s] of the power law at the time [d] when the most bound debris returns; it rises over
    a fifth of that time before, and the two meet in a round peak, as debris has a spread of energies
    (Guillochon & Ramirez-Ruiz 2013 fig. 5). viscous: [d], the delay by accretion, exp(-t/T)/T convolved
    (Mockler, Guillochon & Ramirez-Ruiz 2019 eq. 3-7).
    """
    days = days_grid()
    x = days / time[:, None]
    rise = np.exp(np.clip((x - 1) / 0.2, -50.0, 50.0))
    rate = (rise**-2 + x ** (10 / 3)) ** -0.5
    return luminosity[:, None] * _delay(rate, np.asarray(viscous, "f8"), days)


@numba.njit(cache=True, nogil=True)
def _delay(rate, time, days):  # type: ignore[no-untyped-def]
    """Convolution with exp(-t/T)/T, exact for a rate that is linear between days."""
    out = np.empty_like(rate)
    for k in range(rate.shape[0]):
        before, last, day = 0.0, 0.0, 0.0
        for p in range(days.size):
            d = (days[p] - day) / time[k]
            now = rate[k, p]
            if d > 1e-8:
                keep = np.exp(-d)
                before = before * keep + now - last * keep - (now - last) * (1.0 - keep) / d
            out[k, p] = before
            last, day = now, days[p]
    return out


def plateau(luminosity: Array, duration: Array, *, slope: Array, peak: Array) -> Array:
    """Luminosity f8[n, p] of a recombining hydrogen envelope, without its nickel.

    luminosity: [erg/s] 30 d after the explosion. duration: d, until the envelope has recombined.
    slope: decline [mag / 100 d] (0 IIP, 3 IIL). peak: excess of the cooling envelope over the plateau
    at early times. The drop is a Fermi function of 5 d (Olivares et al. 2010 eq. 2).
    """
    days = days_grid()
    fall = 10 ** (-0.4 * slope[:, None] * (days - 30.0) / 100.0)
    early = (1 + peak[:, None] * np.exp(-days / 9.0)) * -np.expm1(-days / 1.5)
    drop = 1 / (1 + np.exp(np.minimum((days - duration[:, None]) / 5.0, 60.0)))
    return luminosity[:, None] * fall * early * drop


def diffusion_time(mass: Array, velocity: Array, opacity: Array) -> Array:
    """Diffusion time f8[n] d: sqrt(2 kappa M / (beta c v)) (Arnett 1982). opacity in cm2/g."""
    return np.sqrt(2 * opacity * mass * M_SUN / (BETA * LIGHT * velocity * 1e5)) / DAY


def trapping_time(mass: Array, velocity: Array, *, opacity: float | Array = 0.03) -> Array:
    """Time f8[n] d after which gamma rays leak: sqrt(3 kappa M / (4 pi v^2)) (Wheeler et al. 2015)."""
    return np.sqrt(3 * opacity * mass * M_SUN / (4 * np.pi * (velocity * 1e5) ** 2)) / DAY


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


def steady_photosphere(luminosity: Array, temperature: Array, *, index: Array) -> Photosphere:
    """A blackbody whose radius grows as L^index, `temperature` [K] at its brightest: T ~ L^(1/4 - index/2).

    Mockler, Guillochon & Ramirez-Ruiz 2019 eq. 11.
    """
    bright = np.maximum(luminosity, 1e30)
    relative = bright / bright.max(axis=1, keepdims=True)
    warm = temperature[:, None] * relative ** (0.25 - 0.5 * index[:, None])
    warm = np.clip(warm, 3000.0, 1e5)
    area = bright / (4 * np.pi * SIGMA_SB * warm**4)
    return Photosphere(np.log(warm).astype("f4"), np.log(area / UNIT_RADIUS**2).astype("f4"))


def host_extinction(rng: np.random.Generator, n: int, *, scale: float = 0.4, share: float = 2 / 3) -> Array:
    """A_V f8[n] mag in hosts: exp(-A / scale) for a share, else half a Gaussian of 0.1; below 3 mag.

    The share 2/3 and scale 0.4 are those of Wood-Vasey et al. 2007 as ELAsTiCC used them.
    """
    u = rng.random(n)
    long = -scale * np.log1p(-u * -np.expm1(-3.0 / scale))
    short = 0.1 * np.abs(rng.standard_normal(n))
    return np.where(rng.random(n) < share, long, short)


def host_dimming(passbands: Passbands, z: Array, a_v: Array, *, r_v: float = 3.1) -> Array:
    """Factors f8[n, b] that dust in the host leaves, at the bands' effective wavelengths.

    a_v: f8[n] mag in the rest frame. Law: see `dust.tabulated`.
    """
    rest = passbands.effective / (1 + z[:, None])
    return 10 ** (-0.4 * a_v[:, None] * dust.tabulated(rest, r_v))
