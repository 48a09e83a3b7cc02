"""Type Ib supernovae: helium stars, powered by nickel."""

from simulate.nickel import PARAMETERS, NickelExplosion
from simulate.rates import PerVolumeYear, core_collapse_s15
from simulate.source import Source

MODEL = NickelExplosion(
    nickel=(0.13, 0.22, 0.03, 0.50),
    mass=(2.6, 0.18, 0.8, 8.0),
    velocity=(9900.0, 1400.0, 6000.0, 14000.0),
    scatter=0.2,
)

SOURCE = Source(
    label="Variable/Non-Recurring/SN-like/Ib/c/Ib",
    class_id=2223,
    population=PerVolumeYear(core_collapse_s15(0.108)),
    redshift=(0.011, 1.5),
    active=(30.0, 100.0),
    hosts="stripped",
    parameters=PARAMETERS,
    draw=MODEL.draw,
    light=MODEL.light,
    reference="masses, nickel, velocities: Lyman et al. 2016, Taddia et al. 2018; Shivvers et al. 2017",
)
