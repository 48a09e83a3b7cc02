"""Scores in a notebook, figures for papers, and the code of the pages on adding things."""

from __future__ import annotations

import builtins
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerbench.errors import ConfigError, InputError, UnknownName
from brokerbench.store import Folder
from scoring.figures import write_figures
from scoring.metric import Metric
from scoring.results import Results
from scoring.score import score
from scoring.spec import Scoring
from scoring.submission import Policy


@pytest.fixture(scope="module")
def results(answered: Folder, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Scores of two classifiers."""
    out = tmp_path_factory.mktemp("results") / "scores"
    return Results(score(answered, spec=Scoring(resamples=100), out=out))


def test_values_are_found_by_name(results: Results) -> None:
    value = results.value("macro_f1", "good 1", at="detection:3")
    assert value.low <= value.value <= value.high
    assert value.n > 0
    recall = results.value("recall", "good 1", class_id=2222)
    confusion = results.confusion("good 1")
    assert recall.value == pytest.approx(confusion.loc[2222, 2222] / confusion.loc[2222].sum())
    assert recall.n == confusion.loc[2222].sum()
    truth, prediction, every = (results.confusion("good 1", of=o) for o in ("truth", "prediction", "all"))
    np.testing.assert_allclose(truth.sum(axis=1), 1)
    np.testing.assert_allclose(prediction.sum(axis=0), 1)
    np.testing.assert_allclose(every * confusion.to_numpy().sum(), confusion)
    part = results.value("accuracy", "good 1", subset="alerts: below 2")
    assert part.n < results.value("accuracy", "good 1").n


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("macro_f", "good 1", {}), "got 'macro_f'; did you mean 'macro_f1'"),
        (("macro_f1", "good", {}), "got 'good'; did you mean 'good 1'"),
        (("recall", "good 1", {"class_id": 5}), "for class 5 and subset 'all', got 0"),
    ],
)
def test_values_that_were_not_scored_are_errors(results: Results, arguments: Any, message: str) -> None:
    metric, classifier, rest = arguments
    with pytest.raises(UnknownName, match=re.escape(message)):
        results.value(metric, classifier, **rest)


def test_tables_for_pandas_and_astropy_hold_every_score(results: Results) -> None:
    frame, table = results.to_pandas(), results.to_astropy()
    assert len(frame) == len(table) == len(results.table)
    assert table["value"].description == "the score"
    np.testing.assert_array_equal(frame["value"], results.table.value)


def test_a_notebook_shows_the_leaderboard(results: Results) -> None:
    shown = results._repr_html_()
    assert shown.index("good 1") < shown.index("poor 1")
    assert "<script" not in shown
    assert Results.open(results.folder.path).about["objects"] == results.about["objects"]


def test_figures_are_the_same_bytes_each_time(results: Results, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    first = write_figures(results.folder, tmp_path / "a")
    again = write_figures(results.folder, tmp_path / "b")
    assert [p.name for p in first] == [
        "in-time.svg", "latency.svg", "calibration.svg", "confusion-1-good.svg", "confusion-2-poor.svg",
    ]  # fmt: skip
    for a, b in zip(first, again, strict=True):
        assert a.read_bytes() == b.read_bytes()
        assert "good 1" in a.read_text() or "poor 1" in a.read_text()
    assert all(p.stat().st_size > 5000 for p in write_figures(results.folder, tmp_path / "c", form="png"))


def test_figures_need_a_known_form_and_matplotlib(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="figures: expected svg, pdf, png, got 'gif'"):
        write_figures(results.folder, tmp_path, form="gif")
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "matplotlib":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        InputError, match="expected matplotlib, got none; pip install brokerbench\\[figures\\]"
    ):
        write_figures(results.folder, tmp_path)


def _code(page: Path) -> str:
    found = re.search(r"```python\n(.*?)```", page.read_text(), re.S)
    assert found is not None
    return found[1]


def test_the_metric_of_the_page_on_adding_one_works(root: Path) -> None:
    names: dict[str, Any] = {}
    exec(_code(root / "docs" / "add" / "metric.md"), names)
    metric = names["METRIC"]
    assert isinstance(metric, Metric)
    from tests.scoring.snapshots import layout_of, snapshot_of

    seen = snapshot_of(np.array([0, 1]), np.eye(5)[[0, 0]], layout=layout_of())
    value = metric.value(metric.state.statistics(seen.layout, metric.state.count(seen)))
    assert value[0] == 0.5
    assert np.isnan(value[1])


def test_the_reader_of_the_page_on_adding_one_works(root: Path, tmp_path: Path) -> None:
    module = type(sys)("page")
    exec(_code(root / "docs" / "add" / "reader.md"), module.__dict__)
    path = tmp_path / "x.answers"
    path.write_text("11 2222 0.75\n12 2224 0.5\n")
    assert module.READER.claims(path, path.read_bytes())
    (batch,) = module.READER.read(path, Policy())
    assert batch.alert_id.tolist() == [11, 12]
    assert batch.probability.tolist() == [0.75, 0.5]
