"""What a run exports, a reader reads back."""

from __future__ import annotations

import numpy as np
import pytest

from brokerbench.tables import DiaObjects, LightCurves, Objects, Visits
from simulate import CadenceChoice, Population, Simulation, Survey, generate
from simulate.export import export
from simulate.registries import EXPORTS, READERS


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    survey = Survey(cadence=CadenceChoice(use="synthetic_wfd", options={"years": 0.4, "fields": 6}))
    populations = [
        Population(source="sn_ia", count=60, redshift=(0.02, 0.2)),
        Population(source="rr_lyrae", count=10),
        Population(source="tde", count=30, redshift=(0.02, 0.2)),
    ]
    about = Simulation(name="small", seed=9, survey=survey, population=populations)
    return generate(about, tmp_path_factory.mktemp("simulated") / "run")


def curves_of(run) -> dict[tuple, list]:
    """Everything that is measured, by position of the object: both sides give ids of their own."""
    out = {}
    visits = run.read("visits", "all", Visits)
    for part in run.parts:
        curves, seen = run.read("light_curves", part, LightCurves), run.read("dia_objects", part, DiaObjects)
        truth = run.read("truth/objects", part, Objects)
        for i in range(len(curves)):
            span = slice(curves.offsets[i], curves.offsets[i + 1])
            good = np.isfinite(curves.flux[span])
            if curves.detected[span].sum() < 1:
                continue
            at = curves.visit[span][good]
            columns = [visits.mjd[at], visits.band[at], curves.flux[span][good], curves.flux_err[span][good]]
            columns.append(curves.detected[span][good])
            key = (round(seen.ra[i], 6), round(seen.dec[i], 6))
            out[key] = [*columns, int(truth.class_id[i]), truth.z[i], seen.mwebv[i]]
    return out


@pytest.mark.parametrize(
    ("export_name", "reader", "options"),
    [
        ("snana_fits", "snana", {}),
        ("plasticc_csv", "plasticc_csv", {}),
        (
            "parquet_long",
            "long_table",
            {
                "class_name": "class_id",
                "detected": "detected",
                "redshift": "z_final",
                "true_redshift": "true_z",
            },
        ),
    ],
)
def test_a_run_comes_back_as_it_was(export_name, reader, options, simulated, tmp_path):
    export(EXPORTS[export_name], simulated, tmp_path / "out", truth=True, every=True)
    run = READERS[reader].read([tmp_path / "out"], tmp_path / "run", seed=1, name="back", options=options)
    before, after = curves_of(simulated), curves_of(run)
    assert after.keys() == before.keys()
    assert len(before) > 20
    for key, mine in before.items():
        theirs = after[key]
        order, theirs_order = np.argsort(mine[0]), np.argsort(theirs[0])
        for a, b in zip(mine[:5], theirs[:5], strict=True):
            # f4 to another unit and back: two roundings; decimals of a CSV file
            np.testing.assert_allclose(a[order], b[theirs_order], rtol=1e-5)
        assert mine[5] == theirs[5]
        np.testing.assert_allclose(mine[6:], theirs[6:], rtol=1e-5)
