"""Hosts of tidal disruption events: below 10^11 Msun, the nucleus, the green valley preferred."""

import numpy as np

from simulate.galaxies import HostPopulation
from simulate.offsets import nuclear


def weight(log_mass: np.ndarray, log_sfr: np.ndarray) -> np.ndarray:
    """Flat to log M = 11 and log SFR = 0, exponential beyond; 20 times in the green valley."""
    flat = np.exp(-3 * np.maximum(log_mass - 11, 0) - 3 * np.maximum(log_sfr, 0))
    seeds = 1 / (1 + np.exp(-(log_mass - 9.4) / 0.25))  # small galaxies lack a black hole
    valley = 1 + 19 * np.exp(-0.5 * ((log_sfr - log_mass + 11.0) / 0.35) ** 2)
    return flat * seeds * valley


HOSTS = HostPopulation(
    weight=weight,
    offsets=nuclear(),
    reference="SCOTCH weight maps, Lokken et al. 2023; over-representation: Hammerstein et al. 2021",
)
