"""Broad-lined type Ic supernovae: fast ejecta with much nickel."""

from simulate.nickel import PARAMETERS, NickelExplosion
from simulate.rates import PerVolumeYear, core_collapse_s15
from simulate.source import Source

MODEL = NickelExplosion(
    nickel=(0.28, 0.20, 0.08, 0.90),
    mass=(3.5, 0.20, 1.0, 10.0),
    velocity=(18500.0, 3500.0, 13000.0, 28000.0),
    floor=(4800.0, 400.0),
    scatter=0.2,
)

SOURCE = Source(
    label="Variable/Non-Recurring/SN-like/Ib/c/Ic-BL",
    class_id=2223,
    population=PerVolumeYear(core_collapse_s15(0.011)),
    redshift=(0.011, 1.5),
    active=(30.0, 100.0),
    hosts="metal_rich",
    parameters=PARAMETERS,
    draw=MODEL.draw,
    light=MODEL.light,
    reference="masses, nickel, velocities: Lyman et al. 2016, Taddia et al. 2019; Shivvers et al. 2017",
)
