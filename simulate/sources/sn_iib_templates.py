"""Type IIb supernovae from SN 2011ei, with files; `sn_iib` needs none."""

from simulate.observed import PARAMETERS, VARIABLE, Observed
from simulate.rates import PerVolumeYear, core_collapse_s15
from simulate.source import Source

MODEL = Observed(
    files=("vincenzi/V19_SN2011ei_HostExtCorr.SED",),
    mean=-17.0,
    sigma=0.8,
)

SOURCE = Source(
    label="Variable/Non-Recurring/SN-like/II/IIb",
    class_id=2224,
    population=PerVolumeYear(core_collapse_s15(0.109)),
    redshift=(0.011, 1.5),
    active=(50.0, 120.0),
    hosts="stripped",
    parameters=PARAMETERS,
    draw=MODEL.draw,
    light=MODEL.light,
    needs_files=(VARIABLE, "models/vincenzi"),
    reference="Vincenzi et al. 2019; brightness: Li et al. 2011; Shivvers et al. 2017",
)
