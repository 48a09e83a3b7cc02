"""Fluxes, numbers and noise against the formulas and codes that define them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulate import rates, templates
from simulate.photometry import Passband, Passbands
from simulate.rates import PerArea, PerVolumeYear
from simulate.registries import SOURCES
from simulate.source import Scene
from simulate.sources import sn_ia_salt3

__all__ = ["AB", "bandpass", "number_errors", "random_supernovae", "salt_errors"]

Array = NDArray[np.float64]

AB = 3631.0 / (10 ** (-48.6 / 2.5) * 1e23)
"""sncosmo's AB system is 3631 Jy; ours is -2.5 log10 f_nu - 48.6: this factor turns its fluxes into ours."""


def bandpass(band: Passband) -> Any:
    """A Passband as sncosmo's: the same transmission, ends such that its grid of 5 A is ours."""
    import sncosmo

    half = 0.5 * (band.wave[1] - band.wave[0])
    wave = np.concatenate([[band.wave[0] - half], band.wave, [band.wave[-1] + half]])
    through = np.pad(band.weights / band.wave, 1, mode="edge")
    return sncosmo.Bandpass(wave, through, name=f"test_{band.name}")


def random_supernovae(passbands: Passbands, n: int, seed: int) -> tuple[Scene, Array, Array]:
    """n objects to z = 1.2, 24 visits each at random phases -18 to 48 d in random bands; x1 and c f8[n]."""
    rng = np.random.default_rng(seed)
    z = rng.uniform(0.01, 1.2, n)
    phases = rng.uniform(-18, 48, (n, 24))
    mjd = (np.sort(phases, axis=1) * (1 + z[:, None])).ravel()
    band = rng.integers(0, len(passbands), n * 24).astype("i1")
    offsets = np.arange(n + 1, dtype="i8") * 24
    seen = Scene(z, rates.distance_modulus(z), np.zeros(n), offsets, mjd, band, passbands)
    return seen, rng.uniform(-3, 2, n), np.clip(rng.normal(0, 0.12, n), -0.3, 0.5)


def salt_errors(passbands: Passbands, model: str, *, n: int, seed: int) -> tuple[Array, NDArray[np.int8]]:
    """Errors f8[k] of a SALT model's tables against sncosmo.bandflux, over the band's peak; the bands i1[k].

    model: below SNCOSMO_DATA_DIR/models, e.g. "salt3/salt3-f22". Points without a model are left out.
    """
    import sncosmo

    seen, x1, c = random_supernovae(passbands, n, seed)
    amplitude = np.stack([np.ones_like(x1), x1], axis=1)
    ours = templates.template_flux(
        sn_ia_salt3.table(passbands, model), seen, amplitude=amplitude, colour=c, stretch=np.ones_like(x1)
    )
    theirs_of = sncosmo.SALT2Source if model.startswith("salt2") else sncosmo.SALT3Source
    peer = sncosmo.Model(
        source=theirs_of(modeldir=str(Path(os.environ["SNCOSMO_DATA_DIR"]) / "models" / model))
    )
    bands = [bandpass(band) for band in passbands.bands]
    errors, which = [], []
    for k in range(len(seen)):
        peer.set(z=seen.z[k], t0=0.0, x0=1.0, x1=x1[k], c=c[k])
        for b, band in enumerate(bands):
            here = np.flatnonzero((seen.row == k) & (seen.band == b) & np.isfinite(ours))
            if not len(here):
                continue
            peak = peer.bandflux(band, np.arange(-15, 30) * (1 + seen.z[k]), zp=31.4, zpsys="ab").max()
            theirs = AB * np.maximum(peer.bandflux(band, seen.mjd[here], zp=31.4, zpsys="ab"), 0.0)
            errors.append(np.abs(ours[here] - theirs) / peak)
            which.append(np.full(len(here), b, "i1"))
    return np.concatenate(errors), np.concatenate(which)


def number_errors(volume: Callable[[Array], Array]) -> dict[str, tuple[float, float]]:
    """By class with a redshift: error of the expected number, and of the drawn mean redshift [sigma].

    volume(z f8[k]) -> comoving volume f8[k] Mpc^3/sr per unit redshift, from another code. The number is
    relative to the integral of the stated rate, with 1/(1+z) for events.
    """
    errors = {}
    for seed, name in enumerate(sorted(SOURCES)):
        source = SOURCES[name]
        if isinstance(source.population, PerArea) or source.redshift is None:
            continue
        low, high = source.redshift
        z = np.linspace(low, high, 20001)
        per_z = source.population.rate(z) * volume(z)
        if isinstance(source.population, PerVolumeYear):
            per_z = per_z / (1 + z) * 2.5
        expected = np.trapezoid(per_z, z) * np.radians(1) ** 2 * 100
        counted = rates.expected(source.population, source.redshift, area_deg2=100.0, years=2.5)
        drawn = rates.redshifts(source.population, source.redshift, np.random.default_rng(seed), 100_000)
        mean = np.trapezoid(z * per_z, z) / np.trapezoid(per_z, z)
        off = (drawn.mean() - mean) / (drawn.std() / np.sqrt(len(drawn)))
        errors[name] = (float(counted / expected - 1), float(off))
    return errors
