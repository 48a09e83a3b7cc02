"""Thermonuclear kin of normal type Ia supernovae: Hsiao spectra, stretched, dimmed and warped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from simulate import engines, spectra, templates
from simulate.photometry import Passbands
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene

__all__ = ["WarpedIa"]

PARAMETERS = {
    "stretch": Parameter("", "of the phase of the normal spectra"),
    "c": Parameter("mag", "SALT colour"),
    "absolute": Parameter("mag", "rest-frame B at maximum, without host dust (AB)"),
    "a_v": Parameter("mag", "extinction A_V in the host"),
}
Draws = Callable[[Generator, Place], dict[str, Array]]
Warp = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class WarpedIa:
    """A subclass of SN Ia.

    shape(rng, place) -> stretch, c, absolute. warp(phases [p, 1], wave [w]) -> factor on the spectrum.
    colours: range of c that the table holds. dust: scale of A_V in hosts, 0 for none.
    """

    shape: Draws
    warp: Warp
    colours: tuple[float, float]
    dust: float = 0.0
    z_max: float = 1.5

    def draw(self, rng: Generator, place: Place) -> dict[str, Array]:
        """Parameters of n supernovae."""
        n = len(place)
        drawn = self.shape(rng, place)
        a_v = engines.host_extinction(rng, n, scale=self.dust) if self.dust else np.zeros(n)
        return drawn | {"a_v": a_v}

    def light(self, parameters: Parameters, scene: Scene, rng: Generator) -> Light:
        """Their light."""
        p = parameters
        amplitude = 10 ** (-0.4 * (p["absolute"] + scene.distance_modulus))
        flux = templates.template_flux(
            _table(self, scene.passbands),
            scene,
            amplitude=amplitude[:, None],
            colour=p["c"],
            stretch=p["stretch"],
        )
        if self.dust:
            dimming = engines.host_dimming(scene.passbands, scene.z, p["a_v"])
            flux *= dimming.astype("f4")[scene.row, scene.band]
        return Light(flux)


@lru_cache(maxsize=16)
def _table(model: WarpedIa, passbands: Passbands) -> templates.TemplateTable:
    normal = spectra.hsiao()

    def unscaled(phases: Array, wave: Array) -> Array:
        return normal(phases, wave) * model.warp(phases[:, None], wave)

    scale = 10 ** (0.4 * spectra.band_magnitude(lambda wave: unscaled(np.zeros(1), wave)[0, 0]))

    def warped(phases: Array, wave: Array) -> Array:
        return scale * unscaled(phases, wave)

    return templates.build(
        warped,
        spectra.salt_colour_law,
        passbands,
        templates.Grid(z=(0.0, model.z_max + 0.05, 0.02), c=(*model.colours, 0.04)),
        phases=np.arange(-20.0, 85.5),
        wavelengths=(1000.0, 25000.0),
    )
