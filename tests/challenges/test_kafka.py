"""The same commands over a real Kafka give the same answers as over the spool."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from challenges.cli import run as brokerbench
from streamer.local_kafka import LocalKafka

pytestmark = pytest.mark.kafka


def test_a_run_over_kafka_scores_as_over_the_spool(demo: Path, kafka: LocalKafka, tmp_path: Path) -> None:
    run = tmp_path / "run"
    stages = shutil.ignore_patterns("topics", "ledger", "answers", "rejects", "scores", "report.html")
    shutil.copytree(demo / "run", run, ignore=stages)
    link = ["--transport", "kafka", "-X", f"bootstrap.servers={kafka.bootstrap}", "--prefix", "cli-"]
    model = str(demo / "models" / "forest")
    assert brokerbench(["play", str(run), *link]) == 0
    assert brokerbench(["run", str(run), "--broker", "forest", "--model", model, *link]) == 0
    assert brokerbench(["score", str(run), *link, "--topic", "cli-answers-forest"]) == 0
    over_kafka, over_spool = (
        next(
            c
            for c in json.loads((folder / "scores" / "scores.json").read_text())["classifiers"]
            if c["label"].startswith("forest")
        )
        for folder in (run, demo / "run")
    )
    assert over_kafka["accounting"] == over_spool["accounting"]
    assert not (run / "topics").exists()


def test_an_unreachable_broker_is_one_line(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    stages = shutil.ignore_patterns("topics", "ledger", "answers", "rejects", "scores", "report.html")
    shutil.copytree(demo / "run", run, ignore=stages)
    settings = ["-X", "bootstrap.servers=127.0.0.1:1", "-X", "socket.timeout.ms=1000"]
    assert brokerbench(["play", str(run), "--transport", "kafka", *settings]) == 2
    lines = [x for x in capsys.readouterr().err.splitlines() if x.startswith("brokerbench: ")]
    assert len(lines) == 1
    assert "127.0.0.1:1" in lines[0]
    assert not (run / "ledger").exists()
