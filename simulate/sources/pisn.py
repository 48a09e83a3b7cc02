"""Pair-instability supernovae: very massive cores with solar masses of nickel."""

from simulate.nickel import PARAMETERS, NickelExplosion
from simulate.rates import PerVolumeYear
from simulate.source import Array, Source

MODEL = NickelExplosion(
    nickel=(8.0, 0.40, 0.5, 40.0),
    mass=(100.0, 0.12, 60.0, 180.0),
    velocity=(9000.0, 1500.0, 5000.0, 13000.0),
    floor=(5500.0, 400.0),
    opacity=0.10,
    dust=0.1,
    scatter=0.1,
)


def rate(z: Array) -> Array:
    """Polynomial of Pan, Loeb & Kasen 2012, as SNANA's PISN_PLK12."""
    return 1e-9 * (1.98 + 6.38 * z + 6.558 * z**2 - 4.42 * z**3 + 0.8312 * z**4 - 0.0508 * z**5)


SOURCE = Source(
    label="Variable/Non-Recurring/Long/PISN",
    class_id=2246,
    population=PerVolumeYear(rate),
    redshift=(0.02, 2.2),
    active=(400.0, 400.0),
    hosts="dwarf",
    parameters=PARAMETERS,
    draw=MODEL.draw,
    light=MODEL.light,
    reference="Kasen, Woosley & Heger 2011 (helium cores); rate: Pan, Loeb & Kasen 2012",
)
