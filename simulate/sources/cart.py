"""Calcium-rich transients: small ejecta that rise and fade fast, often far from any galaxy."""

from simulate.nickel import PARAMETERS, NickelExplosion
from simulate.rates import PerVolumeYear, madau_dickinson
from simulate.source import Source

MODEL = NickelExplosion(
    nickel=(0.022, 0.18, 0.005, 0.08),
    mass=(0.55, 0.18, 0.15, 1.5),
    velocity=(9000.0, 1500.0, 5500.0, 13000.0),
    floor=(4000.0, 400.0),
    dust=0.1,
    scatter=0.2,
)

SOURCE = Source(
    label="Variable/Non-Recurring/Long/CART",
    class_id=2245,
    population=PerVolumeYear(madau_dickinson(2.3e-6)),
    redshift=(0.011, 1.4),
    active=(30.0, 80.0),
    hosts="ca_rich",
    parameters=PARAMETERS,
    draw=MODEL.draw,
    light=MODEL.light,
    reference="Kasliwal et al. 2012, Lunnan et al. 2017; rate: Kessler et al. 2019",
)
