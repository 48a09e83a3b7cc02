"""Intermediate-luminosity optical transients: little nickel in slow ejecta."""

from simulate.nickel import PARAMETERS, NickelExplosion
from simulate.rates import PerVolumeYear, core_collapse_s15
from simulate.source import Source

MODEL = NickelExplosion(
    nickel=(0.0025, 0.35, 0.0004, 0.02),
    mass=(0.6, 0.30, 0.1, 4.0),
    velocity=(1800.0, 700.0, 500.0, 4500.0),
    floor=(4200.0, 600.0),
    opacity=0.10,
    scatter=0.4,
)

SOURCE = Source(
    label="Variable/Non-Recurring/Long/ILOT",
    class_id=2244,
    population=PerVolumeYear(core_collapse_s15(0.06)),
    redshift=(0.003, 0.5),
    active=(30.0, 100.0),
    hosts="star_forming",
    parameters=PARAMETERS,
    draw=MODEL.draw,
    light=MODEL.light,
    reference="Kessler et al. 2019 sec. 4.12, Villar et al. 2018; peaks -11 to -15: Kasliwal 2012",
)
