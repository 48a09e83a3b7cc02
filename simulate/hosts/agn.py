"""Hosts of active nuclei: massive galaxies, the nucleus itself."""

import numpy as np

from simulate.galaxies import HostPopulation
from simulate.offsets import nuclear

HOSTS = HostPopulation(
    weight=lambda log_mass, log_sfr: np.exp(-0.5 * ((log_mass - 10.8) / 0.5) ** 2) + 0 * log_sfr,
    offsets=nuclear(),
    reference="log M ~ N(10.8, 0.5): SCOTCH weight maps, Lokken et al. 2023",
)
