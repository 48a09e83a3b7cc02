"""Type IIn supernovae from two observed ones, with files; `sn_iin` needs none."""

from simulate.observed import PARAMETERS, VARIABLE, Observed
from simulate.rates import PerVolumeYear, core_collapse_s15
from simulate.source import Source

MODEL = Observed(
    files=(
        "vincenzi/V19_SN2008fq_HostExtCorr.SED",
        "vincenzi/V19_SN2010al_HostExtCorr.SED",
    ),
    mean=-18.4,
    sigma=1.0,
)

SOURCE = Source(
    label="Variable/Non-Recurring/SN-like/II/IIn",
    class_id=2224,
    population=PerVolumeYear(core_collapse_s15(0.047)),
    redshift=(0.011, 1.5),
    active=(50.0, 120.0),
    hosts="core_collapse",
    parameters=PARAMETERS,
    draw=MODEL.draw,
    light=MODEL.light,
    needs_files=(VARIABLE, "models/vincenzi"),
    reference="Vincenzi et al. 2019; brightness: Li et al. 2011; Shivvers et al. 2017",
)
