"""Hosts of superluminous supernovae, long bursts and their kin: dwarf galaxies that burst with stars."""

import numpy as np

from simulate.galaxies import HostPopulation
from simulate.offsets import follow_light


def weight(log_mass: np.ndarray, log_sfr: np.ndarray) -> np.ndarray:
    """Star formation where log sSFR >= -10, cut below; few above 10^10 Msun (metal aversion)."""
    ssfr = log_sfr - log_mass
    return 10**log_sfr * np.exp(5 * np.minimum(ssfr + 10, 0.0)) / (1 + np.exp((log_mass - 9.6) / 0.25))


HOSTS = HostPopulation(
    weight=weight,
    offsets=follow_light(),
    reference="SCOTCH weight maps, Lokken et al. 2023; masses: Perley et al. 2016, Schulze et al. 2018",
)
