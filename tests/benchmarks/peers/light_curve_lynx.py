"""LightCurveLynx on the supernovae, visits and passbands of a file, timed on request.

Runs in a Python of its own (`make peers`), imports nothing of this project and writes nothing:

    python light_curve_lynx.py INPUTS.npz MODEL_FOLDER

INPUTS.npz holds visits (mjd, visit_ra, visit_dec, band, m5, airmass, sky, seeing, exposure), objects
(ra, dec, z, t0, x0, x1, c) and for each band b its transmission wave_b, through_b. Each line on stdin is
"FIRST COUNT WINDOW": those objects are simulated at the visits in the phases -20 to 50 d (WINDOW "near")
or at all visits of their places ("all"), and one line of JSON answers with the CPU seconds, the
measurements and how many of them exceed five errors.
"""

import json
import sys
import time
import warnings

import lightcurvelynx
import numpy as np
import pandas as pd
import sncosmo
from lightcurvelynx.astro_utils.passbands import Passband, PassbandGroup
from lightcurvelynx.math_nodes.given_sampler import TableSampler
from lightcurvelynx.models.sncosmo_models import SncosmoWrapperModel
from lightcurvelynx.obstable.opsim import OpSim
from lightcurvelynx.simulate import simulate_lightcurves
from lightcurvelynx.survey_info import SurveyInfo
from lightcurvelynx.utils.extrapolate import ZeroPadding

PARAMETERS = ("ra", "dec", "z", "t0", "x0", "x1", "c")


def survey(inputs):
    """The visits as LightCurveLynx's OpSim table with its own noise, and the passbands."""
    visits = pd.DataFrame(
        {
            "observationStartMJD": inputs["mjd"],
            "fieldRA": inputs["visit_ra"],
            "fieldDec": inputs["visit_dec"],
            "airmass": inputs["airmass"],
            "filter": inputs["band"],
            "visitExposureTime": inputs["exposure"],
            "numExposures": 1,
            "fiveSigmaDepth": inputs["m5"],
            "skyBrightness": inputs["sky"],
            "seeingFwhmEff": inputs["seeing"],
        }
    )
    bands = [
        Passband(np.column_stack([inputs[f"wave_{b}"], inputs[f"through_{b}"]]), "LSST", b) for b in "ugrizy"
    ]
    return SurveyInfo(OpSim(visits), passbands=PassbandGroup(bands), survey_name="LSST")


def supernovae(inputs, chosen):
    """The objects `chosen` as a SALT3 model whose parameters are read in order."""
    table = pd.DataFrame({name: inputs[name][chosen] for name in PARAMETERS})
    given = TableSampler(table, in_order=True, node_label="given")
    salt = {name: getattr(given, name) for name in ("t0", "x0", "x1", "c", "ra", "dec")}
    return SncosmoWrapperModel(
        "salt3", redshift=given.z, node_label="source", wave_extrapolation=ZeroPadding(), **salt
    )


def main(path, folder):
    warnings.filterwarnings("ignore")
    with np.load(path) as file:
        inputs = {name: file[name] for name in file.files}
    sncosmo.register(sncosmo.SALT3Source(modeldir=folder, name="salt3"), force=True)
    watched = survey(inputs)
    print(json.dumps({"version": lightcurvelynx.__version__}), flush=True)
    for line in sys.stdin:
        first, count = (int(word) for word in line.split()[:2])
        window = (-20.0, 50.0) if line.split()[2] == "near" else None
        source = supernovae(inputs, slice(first, first + count))
        rng = np.random.default_rng(first + 1)
        start = time.process_time()
        made = simulate_lightcurves(
            source, count, watched, rest_time_window_offset=window, progress_bar=False, rng=rng
        )
        cpu = time.process_time() - start
        points, found = 0, 0
        for curve in made["lightcurve"]:
            if curve is not None:
                points += len(curve)
                found += int((np.abs(curve["flux"]) > 5 * curve["fluxerr"]).sum())
        print(json.dumps({"cpu": cpu, "objects": len(made), "points": points, "found": found}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
