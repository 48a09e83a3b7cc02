"""Hosts of neutron-star mergers: by mass and star formation, with kicks out of the galaxy."""

from simulate.galaxies import HostPopulation
from simulate.offsets import log_normal_kpc

HOSTS = HostPopulation(
    weight=lambda log_mass, log_sfr: 1e-14 * 10**log_mass + 3e-4 * 10**log_sfr,
    offsets=log_normal_kpc(median=5.6, dex=0.5, largest=75.0),
    reference="offsets of short bursts: O'Connor et al. 2022; rates by mass and SFR: Fong et al. 2022",
)
