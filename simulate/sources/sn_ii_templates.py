"""Type II supernovae from seven observed ones, with files; `sn_ii` needs none."""

from simulate.observed import PARAMETERS, VARIABLE, Observed
from simulate.rates import PerVolumeYear, core_collapse_s15
from simulate.source import Source

MODEL = Observed(
    files=(
        "vincenzi/V19_SN2009N_HostExtCorr.SED",
        "vincenzi/V19_SN2009kr_HostExtCorr.SED",
        "vincenzi/V19_SN2013fs_HostExtCorr.SED",
        "sako/S11_SDSS-000018.SED",
        "sako/S11_SDSS-001472.SED",
        "sako/S11_SDSS-003818.SED",
        "sako/S11_SDSS-014599.SED",
    ),
    mean=-16.9,
    sigma=1.0,
)

SOURCE = Source(
    label="Variable/Non-Recurring/SN-like/II",
    class_id=2224,
    population=PerVolumeYear(core_collapse_s15(0.649)),
    redshift=(0.011, 1.5),
    active=(50.0, 120.0),
    hosts="core_collapse",
    parameters=PARAMETERS,
    draw=MODEL.draw,
    light=MODEL.light,
    needs_files=(VARIABLE, "models/vincenzi"),
    reference="Vincenzi et al. 2019, Sako et al. 2011; brightness: Li et al. 2011; Shivvers et al. 2017",
)
