"""Hosts of type Iax supernovae: as type Ia, but only where stars form."""

import numpy as np

from simulate.galaxies import HostPopulation
from simulate.offsets import follow_light


def weight(log_mass: np.ndarray, log_sfr: np.ndarray) -> np.ndarray:
    """A+B rate, cut exponentially below log sSFR = -11.5."""
    rate = 5.3e-14 * 10**log_mass + 3.9e-4 * 10**log_sfr
    return rate * np.exp(5 * np.minimum(log_sfr - log_mass + 11.5, 0.0))


HOSTS = HostPopulation(
    weight=weight, offsets=follow_light(), reference="SCOTCH weight maps, Lokken et al. 2023"
)
