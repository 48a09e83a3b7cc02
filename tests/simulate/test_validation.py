"""The page about a run, and the simulation against the real challenges' own simulations."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from brokerbench.errors import InputError
from brokerbench.store import Folder
from simulate import Population, generate
from simulate.fidelity import challenges
from simulate.svg import histogram
from simulate.validation import page, pulls, redshift_test, summarise
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


@pytest.mark.shared_data
@pytest.mark.parametrize("which", challenges.ALERTS, ids=[a[0] for a in challenges.ALERTS])
def test_supernovae_are_like_elasticcs(
    shared_data: Path, sncosmo_data: Path, tmp_path: Path, which: tuple[str, str, float, tuple[int, ...]]
) -> None:
    """Medians of redshift, peak, S/N max and visits of ELAsTiCC's alerts; docs/validation.md explains."""
    made = {c.quantity: c for c in challenges.elasticc(shared_data, tmp_path / "run", which, count=12_000)}
    factors = {
        "redshift": 1.35,
        "largest S/N": 2.1 if which[0] == "sn_iin" else 1.6,
        "visits in the season": 1.2,
    }
    assert len(made["redshift"].there) > 40
    before = made["detections before"]
    assert before.distance < (0.15 if which[0].startswith("sn_ia") else 0.25)
    for name, factor in factors.items():
        here, there = made[name].medians
        assert 1 / factor < here / there < factor, name
    here, there = made["peak in i [mag]"].medians
    assert abs(here - there) < (0.8 if which[0] == "sn_iin" else 0.5)
    assert made["redshift"].distance < 0.2


@pytest.mark.shared_data
def test_type_ib_supernovae_are_like_elasticc2s(shared_data: Path, tmp_path: Path) -> None:
    """The SN Ib of ELAsTiCC2 with two detections, read from its SNANA files."""
    made = challenges.type_ib(shared_data, tmp_path, count=12_000)
    assert len(made[0].there) > 150
    for c in made:
        here, there = c.medians
        assert 1 / 1.6 < here / there < 1.6, c.quantity


@pytest.mark.shared_data
def test_objects_with_spectra_are_as_near_as_plasticcs_training_set(
    shared_data: Path, tmp_path: Path
) -> None:
    """Median redshifts of three classes; all that triggered are 1.3 to 1.6 times as far."""
    for c in challenges.training(shared_data, tmp_path, count=12_000):
        here, there = c.medians
        assert len(c.here) >= 20, c.sample
        assert 1 / 1.25 < here / there < 1.25, c.sample
