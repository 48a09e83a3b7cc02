"""Hosts of type Ib and IIb supernovae: more massive galaxies that form stars."""

import numpy as np

from simulate.galaxies import HostPopulation
from simulate.offsets import follow_light


def weight(log_mass: np.ndarray, log_sfr: np.ndarray) -> np.ndarray:
    """Star formation times M^0.36, nothing where log sSFR < -11.5."""
    rate = 10 ** (log_sfr + 0.36 * (log_mass - 10))
    return np.where(log_sfr - log_mass >= -11.5, rate, 0.0)


HOSTS = HostPopulation(
    weight=weight,
    offsets=follow_light(),
    reference="dependence on mass: SCOTCH weight maps, Lokken et al. 2023 (there of catalogued galaxies)",
)
