"""The kilonova models of Kasen et al. 2017: spectra on a grid of mass, velocity and lanthanide fraction."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from brokerbench.errors import ConfigError, InputError
from simulate import templates
from simulate.photometry import C_ANGSTROM, TEN_PC, Passbands
from simulate.source import Array

__all__ = ["STEP", "Ejecta", "grid", "load", "nearest", "table"]

STEP = 0.1  # d, of the files and of our table
PHASES = np.arange(-0.5, 400.0)  # in steps: to 40 d, the files end at 25 d
WAVELENGTHS = (1500.0, 20000.0)  # A
WIDTH = np.array([0.3, 0.1, 1.0])  # dex, c, dex: what counts as equally far in the grid
LARGEST = 64_000_000  # bytes of a file; the real ones have 3.5 MB
NAME = re.compile(r"knova_.*_m(\d+\.\d+)_vk(\d+\.\d+)_.*Xlan1e(-?\d+\.\d+)\.h5")


class Ejecta(NamedTuple):
    """A model of the grid: its file, mass [Msun], velocity [c], log10 of the lanthanide fraction."""

    path: Path
    mass: float
    velocity: float
    lanthanides: float


@lru_cache(maxsize=4)
def grid(folder: Path) -> tuple[Ejecta, ...]:
    """All models in a folder, in order of file names. Raises InputError where there is none."""
    found = []
    for path in sorted(folder.glob("*.h5")):
        match = NAME.fullmatch(path.name)
        if match:
            found.append(Ejecta(path, *(float(value) for value in match.groups())))
    if not found:
        raise InputError(
            f"{folder}: expected files such as knova_d1_n10_m0.025_vk0.30_Xlan1e-4.0.h5, got none; "
            "they are those of Kasen et al. 2017"
        )
    return tuple(found)


def nearest(models: tuple[Ejecta, ...], mass: Array, velocity: Array, lanthanides: Array) -> np.ndarray:
    """Index i8[n] of the model nearest in log mass, velocity and log lanthanide fraction.

    A factor 2 in mass counts as 0.1 c and as a factor 10 in lanthanides.
    """
    nodes = np.array([(np.log10(m.mass), m.velocity, m.lanthanides) for m in models]) / WIDTH
    asked = np.stack([np.log10(mass), velocity, lanthanides], axis=1) / WIDTH
    # a model at a time: memory of n, not of n times the grid
    best, index = np.full(len(asked), np.inf), np.zeros(len(asked), "i8")
    for k, node in enumerate(nodes):
        distance = ((asked - node) ** 2).sum(axis=1)
        nearer = distance < best
        best[nearer], index[nearer] = distance[nearer], k
    return index


@lru_cache(maxsize=4)
def table(folder: Path, passbands: Passbands) -> templates.TemplateTable:
    """Fluxes of all models at 10 pc; phases in steps of 0.1 d, so that a stretch of 0.1 makes them days."""
    parts = [
        templates.build(
            load(model.path),
            np.zeros_like,
            passbands,
            templates.Grid(z=(0.0, 0.32, 0.02), c=(0.0, 0.1, 0.1)),
            phases=PHASES,
            wavelengths=WAVELENGTHS,
        )
        for model in grid(folder)
    ]
    values = np.concatenate([part.values for part in parts], axis=3)
    return templates.TemplateTable(values, parts[0].valid, parts[0].z, parts[0].c, parts[0].first_phase)


def load(path: Path) -> Callable[[Array, Array], Array]:
    """spectra(phases f8[p] in steps of 0.1 d, wave f8[w] A) -> f8[1, p, w] erg/s/cm2/A at 10 pc.

    The files are Monte Carlo radiative transfer that runs out of photons at some day (9 d for fast
    ejecta), when light falls by more than half in half a day. From there the mean spectrum of the last
    day decays with the e-folding time of the last three: no edge. Raises InputError for what is no such
    file, ConfigError without h5py.
    """
    days, wave, flux = _read(path)
    optical = (wave > 3000) & (wave < 25000)
    light = np.asarray(np.trapezoid(flux[:, optical], wave[optical], axis=1))
    ahead = np.interp(days + 0.5, days, light, right=0.0)
    ends = (days > 1) & (ahead < 0.5 * light)
    last = int(np.argmax(ends)) if ends.any() else len(days) - 1
    day = days[last]
    fade = 3 / np.log(max(np.interp(day - 3, days, light) / max(light[last], 1e-99), 1.1))
    kept = flux[max(last - 9, 0) : last + 1].mean(axis=0)
    kept *= light[last] / max(np.trapezoid(kept[optical], wave[optical]), 1e-99)

    def spectra(phases: Array, at: Array) -> Array:
        when = phases * STEP
        place = np.clip((when - days[0]) / (days[1] - days[0]), 0, last - 1e-9)
        low = place.astype("i8")
        share = (place - low)[:, None]
        both = (1 - share) * flux[low] + share * flux[low + 1]
        late = when > day
        both[late] = kept * np.exp(-(when[late, None] - day) / fade)
        where = np.clip(np.searchsorted(wave, at) - 1, 0, len(wave) - 2)
        part = np.clip((at - wave[where]) / (wave[where + 1] - wave[where]), 0, 1)
        return ((1 - part) * both[:, where] + part * both[:, where + 1])[None]

    return spectra


def _read(path: Path) -> tuple[Array, Array, Array]:
    """Days f8[t] from the merger, wavelengths f8[w] A rising, flux f8[t, w] erg/s/cm2/A at 10 pc."""
    try:
        import h5py
    except ImportError as error:
        raise ConfigError(
            f"{path.name}: expected the package h5py, got none; install brokerbench[kilonova]"
        ) from error
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError("too large")
        with h5py.File(path, "r") as file:
            seconds, nu, luminosity = (np.asarray(file[key], "f8") for key in ("time", "nu", "Lnu"))
        if luminosity.shape != (len(seconds), len(nu)) or not np.isfinite(luminosity).all():
            raise ValueError("shape or values")
        steps = np.diff(seconds)
        if len(steps) < 40 or (nu <= 0).any() or not np.allclose(steps, steps[0], rtol=1e-3) or steps[0] <= 0:
            raise ValueError("axes")
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise InputError(
            f"{path}: expected an HDF5 file with time [s], nu [Hz] and Lnu [erg/s/Hz], got something else"
        ) from error
    order = np.argsort(-nu)
    wave = C_ANGSTROM / nu[order]
    flux = luminosity[:, order] * nu[order] / wave / (4 * np.pi * TEN_PC**2)
    return seconds / 86400, wave, flux
