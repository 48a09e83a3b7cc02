"""Broad-lined type Ic supernovae from SN 1998bw, with files; `sn_ic_bl` needs none."""

from simulate.observed import PARAMETERS, VARIABLE, Observed
from simulate.rates import PerVolumeYear, core_collapse_s15
from simulate.source import Source

MODEL = Observed(
    files=("vincenzi/V19_SN1998bw_HostExtCorr.SED",),
    mean=-18.6,
    sigma=0.7,
)

SOURCE = Source(
    label="Variable/Non-Recurring/SN-like/Ib/c/Ic-BL",
    class_id=2223,
    population=PerVolumeYear(core_collapse_s15(0.011)),
    redshift=(0.011, 1.5),
    active=(50.0, 120.0),
    hosts="metal_rich",
    parameters=PARAMETERS,
    draw=MODEL.draw,
    light=MODEL.light,
    needs_files=(VARIABLE, "models/vincenzi"),
    reference="Vincenzi et al. 2019; brightness: Li et al. 2011; Shivvers et al. 2017",
)
