"""Light of expanding photospheres: blackbodies whose temperature and radius change with time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np
from numpy.typing import NDArray

from simulate.photometry import TEN_PC, Passbands
from simulate.source import Scene

__all__ = ["Photosphere", "blackbody_flux", "days_grid", "thermal_flux"]

Array = NDArray[np.float64]

H, C, K = 6.62607015e-27, 2.99792458e10, 1.380649e-16
UNIT_RADIUS = 1e15  # cm

_T_LOW, _T_HIGH, _T_NODES = 400.0, 3.0e5, 224
_X_STEP, _X_NODES = 0.02, 82  # in ln(1 + z): to z = 4
_FIRST, _LAST, _NODES = 0.02, 2000.0, 124


@dataclass(frozen=True, eq=False)
class Photosphere:
    """Blackbodies over time since explosion: log_t, log_r2 f4[n, p] at the days of `days_grid`.

    log_t: ln of the temperature in K. log_r2: ln of the squared radius in units of (1e15 cm)^2.
    """

    log_t: NDArray[np.float32]
    log_r2: NDArray[np.float32]


def days_grid() -> Array:
    """Rest-frame days since explosion f8[p], equal steps in the logarithm, 0.02 to 2000 d."""
    return np.geomspace(_FIRST, _LAST, _NODES)


@lru_cache(maxsize=16)
def _planck(passbands: Passbands, cutoff: float) -> NDArray[np.float32]:
    """ln flux [nJy] at 10 pc f4[b, z, T] of a blackbody of 1e15 cm.

    cutoff: wavelength [A] below which line blanketing takes a factor wavelength / cutoff (Nicholl,
    Guillochon & Berger 2017 eq. 11); 0 for none.
    """
    temperature = np.geomspace(_T_LOW, _T_HIGH, _T_NODES)
    table = np.empty((len(passbands), _X_NODES, _T_NODES), "f4")
    solid = np.pi * (UNIT_RADIUS / TEN_PC) ** 2
    for b, passband in enumerate(passbands.bands):
        for j in range(_X_NODES):
            stretch = np.exp(j * _X_STEP)
            wave = passband.wave / stretch * 1e-8  # cm, rest frame
            x = np.minimum(H * C / (wave[:, None] * K * temperature), 600.0)
            # per A: 1e-8; the observed frame holds a factor 1 / (1 + z)
            spectrum = 2 * H * C**2 / wave[:, None] ** 5 / np.expm1(x) * 1e-8 / stretch
            if cutoff > 0:
                spectrum *= np.minimum(wave[:, None] * 1e8 / cutoff, 1.0)
            table[b, j] = np.log(np.maximum(passband.weights @ spectrum * solid, 1e-37))
    return table


def blackbody_flux(passbands: Passbands, temperature: float, *, luminosity: float) -> Array:
    """Fluxes f8[b] nJy of a blackbody [K, erg/s] at 10 pc, not redshifted."""
    table = _planck(passbands, 0.0)[:, 0]
    place = np.log(temperature / _T_LOW) / np.log(_T_HIGH / _T_LOW) * (_T_NODES - 1)
    unit = np.array([np.exp(np.interp(place, np.arange(_T_NODES), row)) for row in table])
    area = luminosity / (4 * np.pi * 5.670374419e-5 * temperature**4)
    return unit * area / UNIT_RADIUS**2


def thermal_flux(
    photosphere: Photosphere, scene: Scene, *, dimming: Array | None = None, cutoff: float = 0.0
) -> NDArray[np.float32]:
    """Fluxes f4[R] nJy of photospheres that appear at t0; 0 before.

    dimming: f8[n, b], a factor for each object and band (host dust); none where not given. Beyond
    the ends of the day grid temperature and radius go on as power laws, so that there is no edge.
    """
    n = len(scene)
    factor = np.broadcast_to(10 ** (-0.4 * scene.distance_modulus)[:, None], (n, len(scene.passbands)))
    factor = np.ascontiguousarray(factor if dimming is None else factor * dimming)
    out = np.zeros(len(scene.mjd), "f4")
    _shine(
        _planck(scene.passbands, cutoff),
        (photosphere.log_t, photosphere.log_r2),
        factor,
        (scene.z, scene.t0, scene.offsets, scene.mjd, scene.band),
        out,
    )
    return out


@numba.njit(cache=True, nogil=True)
def _shine(table, photosphere, factor, scene, out):  # type: ignore[no-untyped-def]
    log_t, log_r2 = photosphere
    z, t0, offsets, mjd, band = scene
    t_low = np.log(_T_LOW)
    t_step = (np.log(_T_HIGH) - t_low) / (_T_NODES - 1)
    first = np.log(_FIRST)
    step = (np.log(_LAST) - first) / (_NODES - 1)
    for k in range(z.size):
        x = np.log1p(z[k]) / _X_STEP
        j = min(int(x), _X_NODES - 2)
        rx = x - j
        slow = 1.0 / (1.0 + z[k])
        for i in range(offsets[k], offsets[k + 1]):
            phase = (mjd[i] - t0[k]) * slow
            if phase <= 0.0:
                continue
            u = (np.log(phase) - first) / step
            p = min(max(int(u), 0), _NODES - 2)
            r = u - p
            temperature = log_t[k, p] + r * (log_t[k, p + 1] - log_t[k, p])
            size = log_r2[k, p] + r * (log_r2[k, p + 1] - log_r2[k, p])
            v = (temperature - t_low) / t_step
            q = min(max(int(v), 0), _T_NODES - 2)
            s = min(max(v - q, 0.0), 1.0)
            b = band[i]
            low = table[b, j, q] + s * (table[b, j, q + 1] - table[b, j, q])
            high = table[b, j + 1, q] + s * (table[b, j + 1, q + 1] - table[b, j + 1, q])
            out[i] += np.exp(low + rx * (high - low) + size) * factor[k, b]
