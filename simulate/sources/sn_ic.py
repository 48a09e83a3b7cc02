"""Type Ic supernovae: carbon-oxygen stars, powered by nickel."""

from simulate.nickel import PARAMETERS, NickelExplosion
from simulate.rates import PerVolumeYear, core_collapse_s15
from simulate.source import Source

MODEL = NickelExplosion(
    nickel=(0.17, 0.22, 0.03, 0.60),
    mass=(2.7, 0.20, 0.8, 9.0),
    velocity=(10400.0, 1200.0, 7000.0, 15000.0),
    floor=(4600.0, 400.0),
    scatter=0.25,
)

SOURCE = Source(
    label="Variable/Non-Recurring/SN-like/Ib/c/Ic",
    class_id=2223,
    population=PerVolumeYear(core_collapse_s15(0.075)),
    redshift=(0.011, 1.5),
    active=(30.0, 100.0),
    hosts="metal_rich",
    parameters=PARAMETERS,
    draw=MODEL.draw,
    light=MODEL.light,
    reference="masses, nickel, velocities: Lyman et al. 2016, Barbarino et al. 2021; Shivvers et al. 2017",
)
