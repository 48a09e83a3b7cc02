"""Hosts of calcium-rich transients: old galaxies, a third of the events far outside."""

import numpy as np

from simulate.galaxies import HostPopulation
from simulate.offsets import remote

HOSTS = HostPopulation(
    weight=lambda log_mass, log_sfr: 10**log_mass * np.exp(-2 * np.maximum(log_sfr - log_mass + 11, 0)),
    offsets=remote(),
    reference="old hosts, a third beyond 20 kpc: Kasliwal et al. 2012, Scherbak et al. 2025",
)
