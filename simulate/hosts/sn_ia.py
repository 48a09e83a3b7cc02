"""Hosts of type Ia supernovae: a prompt part that follows star formation, a delayed part mass."""

from simulate.galaxies import HostPopulation
from simulate.offsets import follow_light

HOSTS = HostPopulation(
    weight=lambda log_mass, log_sfr: 5.3e-14 * 10**log_mass + 3.9e-4 * 10**log_sfr,
    offsets=follow_light(),
    reference="A+B rate: Sullivan et al. 2006; along the light: Pritchet, Thanjavur & Bottrell 2024",
)
