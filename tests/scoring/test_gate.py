"""Rules for continuous integration."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerbench.config import decode
from brokerbench.errors import ConfigError, UnknownName
from brokerbench.store import Folder, file_sha256, read_table, write_table
from brokerbench.tables import Classifications
from scoring.gate import Gate, gate, junit, markdown
from scoring.score import score
from scoring.spec import Scoring

SPEC = Scoring(resamples=200, metrics=["macro_f1", "log_loss", "recall"])


@pytest.fixture(scope="module")
def scores(answered: Folder, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Scores of two classifiers."""
    return score(answered, spec=SPEC, out=tmp_path_factory.mktemp("gate") / "scores")


def _rules(*rules: dict[str, Any]) -> Gate:
    return decode({"rules": list(rules)}, Gate, where="test")


def test_bounds_decide_classifier_by_classifier(scores: Folder) -> None:
    found = gate(scores, _rules({"metric": "macro_f1", "min": 0.8}, {"metric": "log_loss", "max": 100.0}))
    assert [(v.classifier, v.passed) for v in found] == [
        ("good 1", True), ("poor 1", False), ("good 1", True), ("poor 1", True),
    ]  # fmt: skip
    assert "< 0.8" in found[1].text


def test_a_sure_bound_is_on_the_end_of_the_interval(scores: Folder) -> None:
    value = gate(scores, _rules({"metric": "macro_f1", "min": 0.0, "classifier": "good 1"}))[0].value
    just = value - 0.001
    rule = {"metric": "macro_f1", "min": just, "classifier": "good 1"}
    assert gate(scores, _rules(rule))[0].passed
    assert not gate(scores, _rules({**rule, "sure": True}))[0].passed


def test_a_drop_from_the_baseline_fails(answered: Folder, scores: Folder, tmp_path: Path) -> None:
    """The poor one in place of the good: a baseline of one classifier is everybody's."""
    alone = tmp_path / "run"
    shutil.copytree(answered.path, alone)
    shutil.rmtree(alone / "answers" / "poor")
    baseline = score(Folder.open(alone), spec=SPEC)
    for rule in ({"metric": "macro_f1", "max_drop": 0.05}, {"metric": "log_loss", "margin": 0.2}):
        good, poor = gate(scores, _rules(rule), baseline=baseline)
        assert good.passed
        assert not poor.passed
    tight = gate(scores, _rules({"metric": "macro_f1", "margin": 1e-4}), baseline=baseline)
    assert not tight[0].passed  # equal values, but the interval allows for more than the margin


def _another(run: Folder, path: Path, name: str, change: Any) -> Folder:
    """A copy of the run in which one classifier answers otherwise, scored."""
    shutil.copytree(run.path, path)
    folder = Folder(path / "answers" / name)
    manifest = folder.manifest
    for part in folder.parts:
        file = folder.file("classifications", part)
        table = read_table(file, Classifications)
        table = Classifications(**{**table.as_dict(), "probability": change(table.probability)})
        write_table(file, table)
        entry = manifest["files"][f"classifications/{part}.parquet"]
        entry["sha256"] = file_sha256(file)
    (folder.path / "manifest.json").write_text(json.dumps(manifest))
    return score(Folder.open(path), spec=SPEC)


def test_a_margin_is_held_on_the_same_objects_where_the_answers_are_there(
    answered: Folder, tmp_path: Path
) -> None:
    def nudged(p: np.ndarray) -> np.ndarray:
        p = p.copy()
        p[:4] = p[:4, ::-1]  # a few answers of each part
        return p

    before = _another(answered, tmp_path / "before", "good", lambda p: p)
    after = _another(answered, tmp_path / "after", "good", nudged)
    rule = {"metric": "macro_f1", "margin": 0.012, "classifier": "good 1"}
    (paired,) = gate(after, _rules(rule), baseline=before)
    assert "(paired, " in paired.text
    assert paired.passed  # the interval of either value alone is wider than the margin
    worst = float(paired.text.split("at worst ")[1].split()[0])
    for name, rules in (("recall", {"class_id": 2222}), ("log_loss", {})):
        (one,) = gate(
            after, _rules({"metric": name, "margin": 0.5, "classifier": "good 1", **rules}), baseline=before
        )
        assert "(paired, " in one.text
    # The answers are gone, or others than those that were scored: the values stand alone.
    manifest = tmp_path / "before" / "answers" / "good" / "manifest.json"
    manifest.write_text(manifest.read_text() + "\n")
    (alone,) = gate(after, _rules(rule), baseline=before)
    assert "(as if independent: the answers are not there)" in alone.text
    assert float(alone.text.split("at worst ")[1].split()[0]) < 1.5 * worst < 0
    assert not alone.passed
    # The same answers differ in nothing: no margin is too small.
    manifest.write_text(manifest.read_text()[:-1])
    shutil.copytree(tmp_path / "before", tmp_path / "same")
    same = Folder.open(tmp_path / "same" / "scores", kind="scores")
    found = gate(same, _rules({"metric": "macro_f1", "margin": 1e-9}), baseline=before)
    assert [v.passed for v in found] == [True, True]


def test_an_undefined_value_never_passes(answered: Folder, tmp_path: Path) -> None:
    folder = score(answered, spec=Scoring(intervals=False, classes=[2222, 2224, 2246]), out=tmp_path / "s")
    (verdict, _) = gate(folder, _rules({"metric": "recall", "class_id": 2246, "min": 0.0}))
    assert not verdict.passed
    assert "no object of this class" in verdict.text


def test_verdicts_as_junit_and_markdown(scores: Folder) -> None:
    found = gate(scores, _rules({"metric": "macro_f1", "min": 0.8}))
    suite = ElementTree.fromstring(junit(found))
    assert suite.attrib["tests"] == "2"
    assert suite.attrib["failures"] == "1"
    assert [len(case) for case in suite] == [0, 1]
    assert "**FAIL** | macro_f1 at last: poor 1" in markdown(found)


@pytest.mark.parametrize(
    ("rule", "kind", "message"),
    [
        ({"metric": "f2", "min": 0}, UnknownName, "rules\\[0\\].metric: expected a metric that was scored"),
        (
            {"metric": "macro_f1", "min": 0, "classifier": "x"},
            UnknownName,
            "classifier: expected a classifier",
        ),
        ({"metric": "recall", "min": 0}, ConfigError, "class_id: expected a class for recall, got -1"),
        ({"metric": "macro_f1", "min": 0, "class_id": 5}, ConfigError, "expected none for macro_f1, got 5"),
        ({"metric": "macro_f1"}, ConfigError, "expected min, max, max_drop or margin, got none"),
        ({"metric": "macro_f1", "margin": 0.1}, ConfigError, "expected a baseline for max_drop or margin"),
        ({"metric": "macro_f1", "min": 0, "at": "last:2"}, ConfigError, "expected a point that was scored"),
        ({"metric": "recall", "min": 0, "class_id": 9}, UnknownName, "expected a score of recall for good 1"),
    ],
)
def test_rules_that_say_nothing_are_errors(
    scores: Folder, rule: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        gate(scores, _rules(rule))


def test_a_gate_needs_rules_and_a_baseline_with_the_classifier(
    answered: Folder, scores: Folder, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="gate: expected rules, got none"):
        gate(scores, _rules())
    run = tmp_path / "run"
    shutil.copytree(answered.path, run)
    for name in ("good", "poor"):
        file = run / "answers" / name / "manifest.json"
        manifest = json.loads(file.read_text())
        manifest["classifier"]["version"] = "2"
        file.write_text(json.dumps(manifest))
    other = score(Folder.open(run), spec=SPEC)
    with pytest.raises(UnknownName, match="expected 'good 1' in the baseline, got good 2, poor 2"):
        gate(scores, _rules({"metric": "macro_f1", "max_drop": 0.1}), baseline=other)


def test_a_baseline_of_another_scope_is_refused(answered: Folder, scores: Folder, tmp_path: Path) -> None:
    """A scope that the submission declares stands in no specification, so the specifications are alike."""
    run = tmp_path / "run"
    shutil.copytree(answered.path, run)
    shutil.rmtree(run / "answers" / "poor")
    file = run / "answers" / "good" / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "scope": [2222]}))
    narrow = score(Folder.open(run), spec=SPEC)
    for rule in ({"metric": "macro_f1", "max_drop": 0.1}, {"metric": "macro_f1", "margin": 0.1}):
        with pytest.raises(ConfigError, match=r"to have one scope, got all classes and \[2222\]"):
            gate(scores, _rules(rule), baseline=narrow)
