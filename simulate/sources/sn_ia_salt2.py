"""Type Ia supernovae from SALT2, with files (SNCOSMO_DATA_DIR): as in ELAsTiCC and PLAsTiCC."""

from functools import partial

from simulate.rates import PerVolumeYear
from simulate.source import Source
from simulate.sources import sn_ia, sn_ia_salt3

MODEL = "salt2/salt2-4"

SOURCE = Source(
    label="Variable/Non-Recurring/SN-like/Ia",
    class_id=2222,
    population=PerVolumeYear(sn_ia.rate),
    redshift=(0.011, 1.65),
    active=(50.0, 100.0),
    hosts="sn_ia",
    parameters=sn_ia.SOURCE.parameters,
    draw=sn_ia.draw,
    light=partial(sn_ia_salt3.light, model=MODEL),
    needs_files=("SNCOSMO_DATA_DIR", "models/salt2/salt2-4"),
    reference="SALT2: Guy et al. 2007, Betoule et al. 2014 (version 2.4); populations and rates as sn_ia",
)
