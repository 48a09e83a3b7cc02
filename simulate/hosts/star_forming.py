"""Hosts in proportion to star formation alone: young, massive progenitors and bright novae."""

from simulate.galaxies import HostPopulation
from simulate.offsets import follow_light

HOSTS = HostPopulation(
    weight=lambda log_mass, log_sfr: 10**log_sfr + 0 * log_mass,
    offsets=follow_light(),
    reference="core collapse follows star formation: Botticella et al. 2012",
)
