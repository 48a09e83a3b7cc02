"""The page about a run, and the simulation against the real challenges' own simulations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from brokerbench.errors import InputError
from brokerbench.store import Folder
from brokerbench.tables import LightCurves, Objects
from simulate import READERS, CadenceChoice, Population, Survey, generate
from simulate.svg import histogram
from simulate.validation import SourceSummary, page, pulls, redshift_test, summarise
from tests.simulate.scenes import small_simulation


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    population = [
        Population(source="sn_ia", count=400, redshift=(0.02, 0.4)),
        Population(source="rr_lyrae", count=100),
    ]
    return generate(small_simulation(population=population), tmp_path_factory.mktemp("page") / "run")


def test_a_page_has_a_section_for_each_question(run: Folder) -> None:
    text = page(run)
    for heading in ("## Survey", "## Noise", "## Classes", "## Redshifts", "## Leaks"):
        assert heading in text
    assert "| sn_ia | 400 |" in text
    assert text.count("<svg") == 1, "Galactic classes have no redshifts"
    assert text == page(run)


def test_summaries_count_what_the_manifest_counts(run: Folder) -> None:
    for summary, part in zip(summarise(run), run.parts, strict=True):
        assert len(summary.snr_max) == run.manifest["parts"][part]["triggered"]
        assert (summary.detections >= 2).all()
        assert (summary.snr_max > 5).all()


def test_pulls_are_unit_normals(run: Folder) -> None:
    for band, mean, sigma, n in pulls(run):
        assert abs(mean) < 4 / np.sqrt(n), band
        assert abs(sigma - 1) < 4 / np.sqrt(2 * n), band


def test_redshifts_follow_the_rate_and_others_do_not(run: Folder) -> None:
    z = summarise(run)[0].drawn_z
    assert redshift_test(run, 0, z) > 1e-3
    assert redshift_test(run, 0, 0.9 * z) < 1e-3


def test_an_imported_run_has_no_rate(run: Folder, tmp_path: Path) -> None:
    manifest = run.manifest | {"origin": "import"}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="expected a simulated run, got one with origin import"):
        redshift_test(Folder(tmp_path), 0, np.ones(3))


def test_a_figure_is_well_formed() -> None:
    edges = np.linspace(0, 1, 4)
    root = ElementTree.fromstring(histogram([1, 2, 0], [1.0, 1.0, 1.0], edges, label="a"))
    assert len(root.findall("{http://www.w3.org/2000/svg}rect")) == 3
    ElementTree.fromstring(histogram([0, 0, 0], [0, 0, 0], edges, label="nothing"))


# the real challenges


def simulated(
    shared_data: Path, path: Path, source: str, count: int, *, least: int = 2, **options: Any
) -> SourceSummary:
    """Triggered objects of a wide survey like ELAsTiCC's: 3 years, its efficiencies and trigger."""
    efficiency = shared_data / "08_model_inputs" / "snana_lsst" / "LSST_SEARCHEFF_PIPELINE.DAT"
    cadence = CadenceChoice(use="synthetic_wfd", options={"years": 3.0, "fields": 100, "visits_per_year": 62})
    survey = Survey(
        cadence=cadence,
        detection_efficiency=str(efficiency),
        min_detections=least,
        min_gap_days=0.021 if least > 1 else 0.0,
        template_visits=10,
    )
    population = [Population(source=source, count=count, **options)]
    return summarise(generate(small_simulation(survey=survey, population=population), path / "run"))[0]


def weighted(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(np.interp(0.5 * total[-1], total, values[order]))


@pytest.mark.shared_data
@pytest.mark.parametrize(
    "source, folder, z_max", [("sn_ia", "classId=111", 1.2), ("sn_ii", "classId=113", 0.9)]
)
def test_supernovae_are_like_elasticcs(
    shared_data: Path, tmp_path: Path, source: str, folder: str, z_max: float
) -> None:
    """Medians of redshift, S/N max and visits of ELAsTiCC's alerts.

    The files hold alerts, so that an object counts as often as it was detected: ours are weighted
    alike. ELAsTiCC is shallower in redshift by what its host noise and baseline cost; factors below.
    """
    files = sorted((shared_data / "04_elasticc" / "fink_tutorials").rglob(f"{folder}/*.parquet"))
    real = pd.concat([pd.read_parquet(f) for f in files]).drop_duplicates("SNID")
    ours = simulated(shared_data, tmp_path, source, 12_000, redshift=(0.02, z_max))
    assert len(ours.z) > 60
    columns = {"z": "ZCMB", "snr_max": "SNRMAX", "visits": "NOBS"}
    for name, column in columns.items():
        theirs = pd.to_numeric(real[column]).to_numpy()
        median = weighted(getattr(ours, name), ours.detections)
        print(source, name, round(median, 3), np.median(theirs), stats.ks_2samp(getattr(ours, name), theirs))
        factor = {"z": 1.35, "snr_max": 1.8, "visits": 1.2}[name]
        assert 1 / factor < median / np.median(theirs) < factor, name


@pytest.mark.shared_data
def test_type_ib_supernovae_are_like_elasticc2s(shared_data: Path, tmp_path: Path) -> None:
    """The SN Ib of ELAsTiCC2 with two detections, read from its SNANA files."""
    folder = shared_data / "05_challenge_data" / "elasticc2_snana_fits"
    (ib,) = folder.glob("*SNIb*")
    back = READERS["snana"].read([ib], tmp_path / "real", seed=1, name="real")
    pieces = [back.read("light_curves", part, LightCurves) for part in back.parts]
    found = np.concatenate([np.add.reduceat(c.detected, c.offsets[:-1]) for c in pieces])
    snr = np.concatenate(
        [np.maximum.reduceat(np.nan_to_num(np.abs(c.flux / c.flux_err)), c.offsets[:-1]) for c in pieces]
    )
    z = np.concatenate([back.read("truth/objects", part, Objects).z for part in back.parts])
    two = found >= 2
    assert two.sum() > 150
    ours = simulated(shared_data, tmp_path, "sn_ib", 12_000, redshift=(0.02, 0.8))
    theirs = {"z": z[two], "snr_max": snr[two], "detections": found[two]}
    for name, real in theirs.items():
        mine = getattr(ours, name)
        print("sn_ib", name, np.percentile(mine, (5, 50, 95)), np.percentile(real, (5, 50, 95)))
        assert 1 / 1.6 < np.median(mine) / np.median(real) < 1.6, name
