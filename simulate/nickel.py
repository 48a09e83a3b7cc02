"""Explosions that radioactive nickel powers: one model, of which classes state the numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulate import engines
from simulate.draws import log_normal, truncated_normal
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene
from simulate.thermal import thermal_flux

__all__ = ["NickelExplosion"]

PARAMETERS = {
    "nickel": Parameter("Msun", "mass of nickel-56"),
    "mass": Parameter("Msun", "mass of the ejecta"),
    "velocity": Parameter("km/s", "velocity of the photosphere"),
    "floor": Parameter("K", "temperature below which the photosphere does not cool"),
    "a_v": Parameter("mag", "extinction A_V in the host"),
    "scatter": Parameter("mag", "brightness beyond the model, same at all times"),
}


@dataclass(frozen=True)
class NickelExplosion:
    """Arnett's model with a photosphere.

    nickel, mass: (median, dex, lowest, highest) of log-normals [Msun]. velocity: (mean, sigma, lowest,
    highest) [km/s]. floor: (mean, sigma) [K]. opacity [cm2/g]. dust: scale of A_V, 0 for none. cutoff:
    wavelength [A] below which lines blanket the spectrum. scatter: mag.
    """

    nickel: tuple[float, float, float, float]
    mass: tuple[float, float, float, float]
    velocity: tuple[float, float, float, float]
    floor: tuple[float, float] = (4500.0, 400.0)
    opacity: float = 0.07
    dust: float = 0.4
    cutoff: float = 4000.0
    scatter: float = 0.0

    def draw(self, rng: Generator, place: Place) -> dict[str, Array]:
        """Parameters of n explosions."""
        n = len(place)
        median, dex, low, high = self.mass
        mass = log_normal(rng, n, median=median, dex=dex, limits=(low, high))
        median, dex, low, high = self.nickel
        nickel = log_normal(rng, n, median=median, dex=dex, limits=(low, high))
        mean, sigma, low, high = self.velocity
        return {
            "nickel": np.minimum(nickel, 0.5 * mass),
            "mass": mass,
            "velocity": truncated_normal(rng, n, mean=mean, sigma=sigma, limits=(low, high)),
            "floor": truncated_normal(rng, n, mean=self.floor[0], sigma=self.floor[1], limits=(2500, 9000)),
            "a_v": engines.host_extinction(rng, n, scale=self.dust) if self.dust else np.zeros(n),
            "scatter": self.scatter * truncated_normal(rng, n, mean=0, sigma=1, limits=(-3, 3)),
        }

    def light(self, parameters: Parameters, scene: Scene, rng: Generator) -> Light:
        """Their light."""
        return Light(self.flux(parameters, scene))

    def flux(self, parameters: Parameters, scene: Scene) -> np.ndarray:
        """Their fluxes f4[R]."""
        p = parameters
        time = engines.diffusion_time(p["mass"], p["velocity"], np.full(len(scene), self.opacity))
        luminosity = engines.diffuse(
            engines.nickel_power(p["nickel"]),
            time,
            trapping=engines.trapping_time(p["mass"], p["velocity"]),
        )
        sphere = engines.photosphere(luminosity, p["velocity"], p["floor"])
        dimming = engines.host_dimming(scene.passbands, scene.z, p["a_v"])
        dimming = dimming * 10 ** (-0.4 * p["scatter"][:, None])
        return thermal_flux(sphere, scene, dimming=dimming, cutoff=self.cutoff)
