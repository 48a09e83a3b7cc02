"""Answers that others send in files are checked, converted and scored like those of the stream."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from brokerbench.store import Folder, read_table
from brokerbench.tables import Classifications, Objects
from challenges.cli import run as brokerbench
from scoring.leaderboard import leaderboard


@pytest.fixture
def run(demo: Path, tmp_path: Path) -> Path:
    """The demo's run without answers."""
    without = shutil.ignore_patterns("topics", "answers", "rejects", "scores", "report.html")
    shutil.copytree(demo / "run", tmp_path / "run", ignore=without)
    return tmp_path / "run"


def json_lines(demo: Path, file: Path) -> int:
    """The forest's answers as the lines of a REST dump; how many."""
    answers = Folder.open(demo / "run" / "answers" / "forest", kind="answers")
    classes = answers.manifest["classes"]
    lines = []
    for part in answers.parts:
        table = answers.read("classifications", part, Classifications)
        for i in range(len(table)):
            named = [
                {"classId": c, "probability": float(p)}
                for c, p in zip(classes, table.probability[i], strict=True)
            ]
            message = {
                "alertId": int(table.alert_id[i]),
                "diaSourceId": int(table.alert_id[i]),
                "elasticcPublishTimestamp": int(table.sent[i] // 1000),
                "brokerIngestTimestamp": None,
                "brokerName": "team",
                "brokerVersion": "2",
                "classifierName": "theirs",
                "classifierParams": "",
                "classifications": named,
            }
            lines.append(json.dumps(message))
    file.write_text("\n".join(lines) + "\n")
    return len(lines)


def test_a_submission_scores_as_the_stream_did(demo: Path, run: Path, tmp_path: Path) -> None:
    file = tmp_path / "theirs.jsonl"
    assert json_lines(demo, file) > 1000
    assert brokerbench(["validate", str(file), "--run", str(run)]) == 0
    assert not (run / "answers").exists()  # validate changes nothing
    assert brokerbench(["convert", str(file), "--run", str(run)]) == 0
    assert brokerbench(["score", str(run), "--challenge", "ci"]) == 0
    (theirs,) = leaderboard(Folder.open(run / "scores"))
    ours = {r["classifier"]: r for r in leaderboard(Folder.open(demo / "run" / "scores"))}["forest 1"]
    assert theirs["value"] == pytest.approx(ours["value"], abs=1e-12)
    assert theirs["n"] == ours["n"]


def test_validate_counts_what_is_wrong(
    demo: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "theirs.jsonl"
    json_lines(demo, file)
    lines = file.read_text().splitlines()
    nan = json.loads(lines[0])
    nan["classifications"][0]["probability"] = float("nan")
    unknown = json.loads(lines[1])
    unknown["alertId"] = unknown["diaSourceId"] = 12345
    lines[0], lines[1] = json.dumps(nan), json.dumps(unknown)
    lines.append(lines[2])
    file.write_text("\n".join([*lines, "{half a line"]) + "\n")
    assert brokerbench(["validate", str(file), "--run", str(run), "--json"]) == 1
    counts = json.loads(capsys.readouterr().out)["counts"]
    assert counts["received"] == len(lines) + 1
    assert counts["accepted"] == len(lines) - 3
    assert counts["received"] - counts["accepted"] == sum(
        counts[k] for k in ("duplicate", "orphan", "invalid", "malformed")
    )
    assert counts["orphan"] == 1
    assert counts["duplicate"] == 1


def test_doctor_names_the_old_class_ids(
    demo: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "theirs.jsonl"
    json_lines(demo, file)
    assert brokerbench(["doctor", str(file), "--run", str(run)]) == 0
    assert "nothing found" in capsys.readouterr().out
    old = {"2222": "111", "2232": "121", "2323": "212", "2332": "221"}
    text = file.read_text()
    for new, was in old.items():
        text = text.replace(f'"classId": {new}', f'"classId": {was}')
    file.write_text(text)
    assert brokerbench(["doctor", str(file), "--run", str(run)]) == 0
    assert "elasticc1" in capsys.readouterr().out
    assert brokerbench(["convert", str(file), "--run", str(run), "--option", "taxonomy=elasticc1"]) == 0
    parts = Folder.open(next((run / "answers").iterdir()), kind="answers")
    assert set(parts.manifest["classes"]) >= {2222, 2232, 2323, 2332}


def test_the_gate_says_pass_and_fail(demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rules]]\nmetric = "macro_f1"\nclassifier = "forest 1"\nmin = 0.3\n')
    arguments = ["gate", str(demo / "run"), "--rules", str(rules), "--junit", str(tmp_path / "gate.xml")]
    assert brokerbench(arguments) == 0
    assert "<testsuite" in (tmp_path / "gate.xml").read_text()
    rules.write_text('[[rules]]\nmetric = "macro_f1"\nclassifier = "forest 1"\nmin = 0.9999\n')
    assert brokerbench(arguments) == 1
    assert "FAIL forest 1" in capsys.readouterr().out
    rules.write_text('[[rules]]\nmetric = "macro_f1"\nmni = 0.5\n')
    assert brokerbench(arguments) == 2
    assert "did you mean 'min'?" in capsys.readouterr().err


def test_exports_hold_no_truth_unless_asked(demo: Path, tmp_path: Path) -> None:
    run = str(demo / "run")
    assert brokerbench(["export", "plasticc_csv", run, "-o", str(tmp_path / "public")]) == 0
    assert brokerbench(["export", "plasticc_csv", run, "-o", str(tmp_path / "all"), "--truth"]) == 0
    public = "".join(f.read_text() for f in (tmp_path / "public").rglob("*.csv"))
    everything = "".join(f.read_text() for f in (tmp_path / "all").rglob("*.csv"))
    assert "true_" not in public
    assert "true_" in everything


def test_the_sky_leaks_nothing(demo: Path) -> None:
    assert brokerbench(["leaks", str(demo / "run")]) == 0


def test_archived_alerts_are_replayed(demo: Path, tmp_path: Path) -> None:
    tars = tmp_path / "tars"
    assert brokerbench(["alerts", "archive", str(demo / "run"), "-o", str(tars)]) == 0
    paths = sorted(str(p) for p in tars.glob("*.tar"))
    assert len(paths) > 10
    (tmp_path / "other").mkdir()
    assert brokerbench(["alerts", "replay", str(tmp_path / "other"), *paths]) == 0
    assert (tmp_path / "other" / "topics" / "alerts" / "topic.json").is_file()


def test_a_broker_that_hangs_is_stopped(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hangs.py").write_text(
        "import numpy as np, time\n"
        "class Hangs:\n"
        "    name, version, classes = 'hangs', '1', (2222, 2332)\n"
        "    def classify(self, batch):\n"
        "        if (batch.alert_id % 500 == 0).any():\n"
        "            time.sleep(600)\n"
        "        return np.full((len(batch), 2), 0.5, 'f4')\n"
        "BROKER = Hangs()\n"
    )
    assert brokerbench(["play", str(run), "--again"]) == 0
    assert brokerbench(["run", str(run), "--broker", str(tmp_path / "hangs.py"), "--timeout", "1"]) == 0
    assert brokerbench(["score", str(run), "--challenge", "ci"]) == 0
    report = json.loads((run / "scores" / "scores.json").read_text())
    (books,) = (c["accounting"] for c in report["classifiers"])
    assert books["missing"] > 0
    assert books["sent"] == books["on_time"] + books["missing"]


def test_alerts_are_shown_as_they_are_sent(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(demo / "run")
    assert brokerbench(["alerts", "show", run]) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["prvDiaSources"] == []
    assert brokerbench(["alerts", "show", run, str(first["alertId"])]) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert brokerbench(["alerts", "tail", run, "-n", "2"]) == 0
    assert capsys.readouterr().out.count('"alertId"') == 2
    assert brokerbench(["alerts", "export", run, "-o", str(tmp_path / "out"), "--limit", "5"]) == 0
    assert len(list((tmp_path / "out").glob("*.avro"))) == 5
    assert brokerbench(["alerts", "show", run, "1"]) == 2
    assert "expected the id of an alert" in capsys.readouterr().err


def test_answers_keep_their_alert(demo: Path) -> None:
    answers = Folder.open(demo / "run" / "answers" / "forest", kind="answers")
    for part in answers.parts:
        table = read_table(answers.file("classifications", part), Classifications)
        assert len(np.unique(table.alert_id)) == len(table)


def test_a_spectroscopic_sample_is_brighter_than_the_rest(demo: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert brokerbench(["split", str(demo / "run"), str(first), str(second), "--spectroscopy"]) == 0
    z = []
    for path in (first, second):
        run = Folder.open(path, kind="run")
        objects = Objects.concat([run.read("truth/objects", p, Objects) for p in run.parts])
        z.append(np.median(objects.z[objects.class_id == 2222]))
        assert len(objects) > 10
    assert z[0] < z[1]


def test_a_validation_page_is_written(demo: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    assert brokerbench(["validation", str(demo / "run"), "-o", str(page)]) == 0
    assert "# Validation of ci" in page.read_text()
    assert "<svg" in page.read_text()


def test_figures_are_written_for_a_paper(demo: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    arguments = [
        "report",
        str(demo / "run"),
        "-o",
        str(tmp_path / "r.html"),
        "--figures",
        str(tmp_path / "f"),
    ]
    assert brokerbench(arguments) == 0
    assert len(list((tmp_path / "f").glob("*.svg"))) >= 3
    assert brokerbench([*arguments, "--form", "bmp"]) == 2
