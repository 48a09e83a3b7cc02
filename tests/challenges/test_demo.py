"""The main job, end to end, as a newcomer runs it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from brokerbench.store import Folder, read_table
from brokerbench.tables import Alerts, Ledger, LightCurves, Objects, Scores
from challenges.cli import run as brokerbench
from scoring.leaderboard import leaderboard
from streamer.alerts import read_batches


def scores(run: Path) -> Scores:
    return read_table(run / "scores" / "scores.parquet", Scores)


def value(run: Path, classifier: str, metric: str, axis: str = "last", at: float | None = None) -> float:
    table = scores(run)
    rows = (table.metric == metric) & (table.axis == axis) & (table.class_id == -1) & (table.slice == "all")
    rows &= np.array([str(c).startswith(classifier) for c in table.classifier])
    if at is not None:
        rows &= table.at == at
    assert rows.sum() == 1, f"{classifier} {metric} {axis} {at}: {rows.sum()} rows"
    return float(table.value[rows][0])


def test_the_forest_beats_the_prior(demo: Path) -> None:
    board = leaderboard(Folder.open(demo / "run" / "scores"))
    assert [str(row["classifier"]).split()[0] for row in board] == ["forest", "prior"]
    assert board[0]["low"] > board[1]["high"]  # the intervals do not even touch


def test_the_forest_learns_with_time(demo: Path) -> None:
    # The same objects at both points, unlike the 10th detection, which few kilonovae reach.
    early = value(demo / "run", "forest", "log_loss", "detection", 1)
    late = value(demo / "run", "forest", "log_loss")
    assert late < early


def test_the_prior_scores_as_theory_says(demo: Path) -> None:
    run = Folder.open(demo / "run")
    alerted = set()
    for part in run.parts:
        ledger = read_table(demo / "run" / "ledger" / "ledger" / f"{part}.parquet", Ledger)
        alerted |= set(ledger.object_id.tolist())
    classes = np.concatenate(
        [
            truth.class_id[np.isin(truth.object_id, list(alerted))]
            for truth in (run.read("truth/objects", part, Objects) for part in run.parts)
        ]
    )
    share = np.bincount(np.unique(classes, return_inverse=True)[1]) / len(classes)
    biggest = share.max()
    # One class always: its F1 is 2s / (1 + s), the others' 0. The prior learns its shares from
    # another run; it names the same class as long as the largest share is well ahead.
    assert value(demo / "run", "prior", "macro_f1") == pytest.approx(
        2 * biggest / (1 + biggest) / len(share), abs=1e-9
    )


def test_the_books_balance(demo: Path) -> None:
    stream = Folder.open(demo / "run" / "stream", kind="stream")
    sent = sum(len(stream.read("alerts", part, Alerts)) for part in stream.parts)
    assert sent > 0
    report = json.loads((demo / "run" / "scores" / "scores.json").read_text())
    assert len(report["classifiers"]) == 2
    for classifier in report["classifiers"]:
        books = classifier["accounting"]
        assert books["sent"] == sent == books["on_time"] + books["late"] + books["missing"]
        assert books["received"] == (
            books["accepted"] + books["duplicate"] + books["orphan"] + books["invalid"] + books["malformed"]
        )
        assert books["missing"] == 0


def test_one_alert_per_detection_of_a_triggered_object(demo: Path) -> None:
    run, stream = Folder.open(demo / "run"), Folder.open(demo / "run" / "stream")
    for part in run.parts:
        light = run.read("light_curves", part, LightCurves)
        alerts = stream.read("alerts", part, Alerts)
        assert light.detected[alerts.row].all()
        assert len(np.unique(alerts.row)) == len(alerts)
        triggered = np.unique(alerts.object)
        detections = np.add.reduceat(np.concatenate([light.detected, [False]]), light.offsets[:-1]) * (
            np.diff(light.offsets) > 0
        )
        assert (detections[triggered] >= 2).all()
        assert len(alerts) == detections[triggered].sum()


def test_nothing_of_truth_is_in_the_packets(demo: Path) -> None:
    run = Folder.open(demo / "run")
    for part, batch in read_batches(run):
        truth = run.read("truth/objects", part, Objects)
        at = {o: i for i, o in enumerate(truth.object_id.tolist())}
        galactic = np.isnan(truth.z[[at[o] for o in batch.object_id.tolist()]])
        # Galactic objects have no redshift at all, not a small one
        assert np.isnan(batch.z_final[galactic]).all() or not galactic.any()
        exact = np.isclose(batch.z_final, truth.z[[at[o] for o in batch.object_id.tolist()]], rtol=1e-6)
        assert exact.mean() < 0.01


def test_the_report_opens_offline(demo: Path) -> None:
    page = (demo / "run" / "report.html").read_text()
    outside = re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"'](?!data:|#)([^\"']+)", page)
    assert outside == []
    assert "forest" in page
    assert "prior" in page


def test_the_run_verifies_and_does_not_depend_on_workers(demo: Path, tmp_path: Path) -> None:
    assert brokerbench(["verify", str(demo / "run")]) == 0
    assert brokerbench(["make", "ci", "-o", str(tmp_path / "one"), "-j", "1"]) == 0
    assert (tmp_path / "one" / "manifest.json").read_bytes() == (demo / "run" / "manifest.json").read_bytes()


def test_scoring_again_gives_the_same_numbers(demo: Path) -> None:
    before = (demo / "run" / "scores" / "scores.parquet").read_bytes()
    assert brokerbench(["score", str(demo / "run"), "--again", "--challenge", "ci"]) == 0
    assert (demo / "run" / "scores" / "scores.parquet").read_bytes() == before


def test_the_demo_on_real_elasticc2_files(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shared_data / "05_challenge_data" / "elasticc2_snana_fits"
    assert brokerbench(["demo", "--import", str(folder), "-o", str(tmp_path / "real")]) == 0
    board = leaderboard(Folder.open(tmp_path / "real" / "run" / "scores"))
    value = {str(row["classifier"]).split()[0]: row["value"] for row in board}
    low = {str(row["classifier"]).split()[0]: row["low"] for row in board}
    assert low["forest"] > value["prior"]
    assert value["context"] == value["forest"]  # flares have no host: the context tells them apart
    printed = capsys.readouterr().out
    assert "Leaderboard" in printed
    assert "report.html" in printed
