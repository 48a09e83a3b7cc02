"""Type Ib supernovae from five observed ones, with files; `sn_ib` needs none."""

from simulate.observed import PARAMETERS, VARIABLE, Observed
from simulate.rates import PerVolumeYear, core_collapse_s15
from simulate.source import Source

MODEL = Observed(
    files=(
        "vincenzi/V19_SN2004gv_HostExtCorr.SED",
        "vincenzi/V19_SN2007Y_HostExtCorr.SED",
        "sako/S11_SDSS-002000.SED",
        "sako/S11_SDSS-002744.SED",
        "sako/S11_SDSS-014492.SED",
    ),
    mean=-17.3,
    sigma=0.8,
)

SOURCE = Source(
    label="Variable/Non-Recurring/SN-like/Ib/c/Ib",
    class_id=2223,
    population=PerVolumeYear(core_collapse_s15(0.108)),
    redshift=(0.011, 1.5),
    active=(50.0, 120.0),
    hosts="stripped",
    parameters=PARAMETERS,
    draw=MODEL.draw,
    light=MODEL.light,
    needs_files=(VARIABLE, "models/vincenzi"),
    reference="Vincenzi et al. 2019, Sako et al. 2011; brightness: Li et al. 2011; Shivvers et al. 2017",
)
