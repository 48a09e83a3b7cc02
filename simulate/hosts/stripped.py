"""Hosts of type Ib and IIb supernovae: more massive galaxies that form stars."""

import numpy as np

from simulate.galaxies import HostPopulation
from simulate.offsets import follow_light

HOSTS = HostPopulation(
    weight=lambda log_mass, log_sfr: np.where(log_sfr - log_mass >= -11.5, 10 ** (0.36 * log_mass), 0.0),
    offsets=follow_light(),
    reference="M^0.36 where log sSFR >= -11.5: SCOTCH weight maps, Lokken et al. 2023",
)
