"""The validation page: how it compares, draws and is written, and that the page in the docs is its own."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from brokerbench.errors import ConfigError, InputError
from simulate.fidelity import document, figures, gallery, words
from simulate.fidelity.__main__ import main
from simulate.fidelity.comparison import Comparison, table
from simulate.fidelity.survey import plan_of, revisits

PAGE = Path("docs") / "validation.md"


def pair(seed: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal(400), rng.standard_normal(300) + shift


def test_a_comparison_has_scipys_distance_and_the_medians() -> None:
    here, there = pair(1, 0.5)
    made = Comparison.of("a", "x", (np.append(here, np.nan), there))
    test = stats.ks_2samp(here, there)
    assert made.distance == pytest.approx(test.statistic)
    assert made.medians == (np.median(here), np.median(there))
    (line,) = table([made])[2:]
    assert line.startswith("| a | x | ")
    assert f"| 400, 300 | {made.distance:.2f} |" in line


def test_chance_is_exceeded_once_in_twenty() -> None:
    far = [Comparison.of("a", "x", pair(seed, 0.0)) for seed in range(600)]
    share = np.mean([c.distance > c.chance for c in far])
    assert share == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 600))


def test_a_comparison_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="a, x: expected values on both sides, got none on one"):
        Comparison.of("a", "x", ([1.0, 2.0], [np.nan]))


@pytest.mark.parametrize("form", ["svg", "png"])
def test_a_figure_is_the_same_bytes_at_any_time(tmp_path: Path, form: str) -> None:
    pytest.importorskip("matplotlib")
    made = [Comparison.of(name, "x", pair(k, 0.1)) for k, name in enumerate("abc")]
    for name in ("one", "two"):
        figures.comparisons(made, tmp_path / f"{name}.{form}", columns=2)
    assert (tmp_path / f"one.{form}").read_bytes() == (tmp_path / f"two.{form}").read_bytes()


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(
        ConfigError, match=r"figures: expected the package matplotlib, got none; install .*figures"
    ):
        figures.new(1, 1, size=(2.0, 2.0))


def test_classes_of_every_kind_can_be_shown(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    names = ["sn_ia", "agn", "rr_lyrae"]
    real = {"sn_ia": gallery.Real("x", np.zeros(1), np.full(1, -19.0), np.array(["g"]))}
    gallery.gallery(names, tmp_path / "classes.svg", real)
    text = (tmp_path / "classes.svg").read_text()
    for name in names:
        assert f">{name}</text>" in text


def test_revisits_are_pairs_in_a_night_and_nights() -> None:
    minutes, days = revisits(plan_of("synthetic_wfd", years=0.5, fields=5), radius=1.75, places=40)
    assert 25 < np.median(minutes) < 45
    assert days.min() > 0.4
    first, _ = revisits(plan_of("synthetic_wfd", years=0.5, fields=5), radius=1.75, places=40, nights=40)
    assert 0 < len(first) < len(minutes)


def test_data_that_are_not_there_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="expected the folder of real data with sncosmo_data/models/salt3"):
        document.write(tmp_path, tmp_path)
    assert main([str(tmp_path), str(tmp_path / "docs")]) == 2
    assert main([]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"{tmp_path}: expected the folder of real data")
    assert second == "usage: python -m simulate.fidelity DATA DOCS"
    assert not (tmp_path / "docs").exists()


def test_the_page_in_the_docs_has_every_section_and_figure(root: Path) -> None:
    text = (root / PAGE).read_text()
    assert re.findall(r"^## (.*)$", text, re.M) == list(document.SECTIONS)
    assert set(words.BEFORE) == set(words.AFTER) == set(document.SECTIONS)
    for said in (words.OPENING, words.CLOSING, *words.BEFORE.values(), *words.AFTER.values()):
        assert said.strip() in text
    shown = re.findall(r"\]\((validation/[a-z0-9_]+\.(?:svg|png))\)", text)
    files = sorted((root / "docs" / "validation").iterdir())
    assert sorted(shown) == [f"validation/{file.name}" for file in files]
    assert sum(file.stat().st_size for file in files) < 1e6


@pytest.mark.shared_data
@pytest.mark.parametrize("title", ["Numbers", "Observing plans"])
def test_the_page_in_the_docs_is_what_is_written_today(
    root: Path, shared_data: Path, tmp_path: Path, title: str
) -> None:
    """The quick sections anew: the same lines as in the page."""
    pytest.importorskip("matplotlib")
    at = document.Place(shared_data, tmp_path, tmp_path)
    text = (root / PAGE).read_text()
    lines = document.SECTIONS[title](at)
    assert len(lines) > 2
    for line in lines:
        assert line in text, line
