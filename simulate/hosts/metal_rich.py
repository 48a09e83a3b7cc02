"""Hosts of type Ic supernovae: star-forming galaxies, by mass and by oxygen abundance."""

import numpy as np

from simulate.galaxies import HostPopulation, oxygen
from simulate.offsets import follow_light


def weight(log_mass: np.ndarray, log_sfr: np.ndarray) -> np.ndarray:
    """Star formation times M^0.36 times the ratio of two logistic densities of 12 + log(O/H)."""
    abundance = oxygen(log_mass, log_sfr)
    ratio = _logistic(9 * (abundance - 8.9)) / _logistic(10 * (abundance - 8.5))
    rate = 10 ** (log_sfr + 0.36 * (log_mass - 10)) * ratio
    return np.where(log_sfr - log_mass >= -11.5, rate, 0.0)


def _logistic(x: np.ndarray) -> np.ndarray:
    return 0.25 / np.cosh(np.clip(x, -60, 60) / 2) ** 2


HOSTS = HostPopulation(
    weight=weight,
    offsets=follow_light(),
    reference="SCOTCH weight maps, Lokken et al. 2023; abundance: Mannucci et al. 2010 eq. 2",
)
