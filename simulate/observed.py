"""Classes from templates of single supernovae (V19, S11), which are files of sncosmo's data."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.interpolate import RectBivariateSpline

from brokerbench.errors import InputError
from simulate import engines, templates
from simulate.draws import truncated_normal
from simulate.photometry import C_ANGSTROM, NJY, Passbands
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene

__all__ = ["VARIABLE", "Observed"]

VARIABLE = "SNCOSMO_DATA_DIR"
PHASES = np.arange(-30.0, 160.5)
R_BAND = np.arange(5500.0, 7000.0, 5.0)  # a box that stands for the r band
PARAMETERS = {
    "template": Parameter("", "index of the template in the class's list"),
    "absolute": Parameter("mag", "rest-frame r at its brightest, without host dust (AB)"),
    "a_v": Parameter("mag", "extinction A_V in the host"),
    "stretch": Parameter("", "of the template's phases: objects of one template are not copies"),
}
Spectra = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Observed:
    """A class made of templates, each as likely as the others.

    files: below models/ of sncosmo's data. mean, sigma: of the absolute magnitude in r.
    """

    files: tuple[str, ...]
    mean: float
    sigma: float

    def draw(self, rng: Generator, place: Place) -> dict[str, Array]:
        """Parameters of n supernovae."""
        n = len(place)
        return {
            "template": rng.integers(0, len(self.files), n).astype("f8"),
            "absolute": truncated_normal(
                rng, n, mean=self.mean, sigma=self.sigma, limits=(self.mean - 2.5, self.mean + 3.0)
            ),
            "a_v": engines.host_extinction(rng, n),
            "stretch": truncated_normal(rng, n, mean=1.0, sigma=0.08, limits=(0.8, 1.25)),
        }

    def light(self, parameters: Parameters, scene: Scene, rng: Generator) -> Light:
        """Their light."""
        p = parameters
        amplitude = np.zeros((len(scene), len(self.files)))
        at = np.arange(len(scene)), p["template"].astype("i8")
        amplitude[at] = 10 ** (-0.4 * (p["absolute"] + scene.distance_modulus))
        flux = templates.template_flux(
            _table(self.files, scene.passbands),
            scene,
            amplitude=amplitude,
            colour=np.zeros(len(scene)),
            stretch=p["stretch"],
            fade=(40.0, 110.0),
        )
        dimming = engines.host_dimming(scene.passbands, scene.z, p["a_v"])
        return Light(flux * dimming.astype("f4")[scene.row, scene.band])


@lru_cache(maxsize=16)
def _table(files: tuple[str, ...], passbands: Passbands) -> templates.TemplateTable:
    loaded = [_template(name) for name in files]
    low = max(wavelengths[0] for _, wavelengths in loaded)
    high = min(wavelengths[1] for _, wavelengths in loaded)

    def all_of_them(phases: Array, wave: Array) -> Array:
        return np.stack([spectra(phases, wave) for spectra, _ in loaded])

    return templates.build(
        all_of_them,
        np.zeros_like,
        passbands,
        templates.Grid(z=(0.0, 1.55, 0.02), c=(0.0, 0.1, 0.1)),
        phases=PHASES,
        wavelengths=(low, high),
    )


def _template(name: str) -> tuple[Spectra, tuple[float, float]]:
    """Spectra of one supernova at any phase, 0 mag (AB) in r at its brightest, and its wavelengths.

    Before its first spectrum the light grows as the square of time over eight days; after the last one
    it decays with the e-folding time of the last 20 days (15 to 100 d): no edge at either end.
    """
    import sncosmo

    path = Path(os.environ.get(VARIABLE, "")) / "models" / name
    try:
        phase, wave, flux = sncosmo.io.read_griddata_ascii(str(path))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a spectral time series, got none that can be read") from error
    # linear: some spectra are minutes apart, between which a cubic spline swings
    spline = RectBivariateSpline(phase, wave, flux, kx=1, ky=1)
    bright = np.maximum(spline(phase, R_BAND), 0.0).sum(axis=1)
    norm = C_ANGSTROM * np.sum(1 / R_BAND)
    peak = (np.maximum(spline(phase, R_BAND), 0.0) @ R_BAND).max() / norm * NJY
    scale = 10 ** (0.4 * 31.4) / peak
    late = max(np.interp(phase[-1] - 20, phase, bright), 1e-30)
    fade = np.clip(20 / np.log(max(late / max(bright[-1], 1e-30), 1.0001)), 15.0, 100.0)

    def spectra(phases: Array, at: Array) -> Array:
        inside = np.clip(phases, phase[0], phase[-1])
        early = np.maximum(1 - (phase[0] - phases) / 8.0, 0.0) ** 2
        shape = np.where(phases < phase[0], early, np.exp(-np.maximum(phases - phase[-1], 0) / fade))
        order = np.argsort(at)
        values = np.empty((len(phases), len(at)))
        values[:, order] = np.maximum(spline(np.unique(inside), at[order]), 0.0)[
            np.searchsorted(np.unique(inside), inside)
        ]
        return scale * values * shape[:, None]

    return spectra, (float(wave[0]), float(wave[-1]))
