"""Faults from the command line: every one of them has an option."""

from __future__ import annotations

from pathlib import Path

import pytest

from challenges.cli import run as brokerbench
from streamer.alerts import prepare
from streamer.replay import play
from streamer.transports.spool import Spool
from tests.streamer.runs import make_run


def test_late_nights_and_a_step_of_the_schema_can_be_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run", {"00-00000": 40}, visits=90)
    prepare(run, schema="lsst_v10_0")
    play(run, Spool(run.path / "topics"))
    options = ["--late-nights", "0.3", "--night-hold", "2", "--late", "0.1", "--hold", "20"]
    step = ["--step", "50", "--step-to", "11.0"]
    assert brokerbench(["alerts", "spoil", str(run.path), "--to", "bad", *options, *step]) == 0
    said = capsys.readouterr().out
    batch = Spool(run.path / "topics").consumer("bad").poll(10**6, 0)
    assert f"sent={len(batch)}" in said
    assert f"stepped={len(batch) - 50}" in said
    assert "late_nights=0" not in said
    heads = [packet[:5] for packet in batch.values]
    assert heads.count(b"\0\0\0\3\xe8") == 50
    assert heads.count(b"\0\0\0\4\x4c") == len(batch) - 50
    assert sorted(batch.sequence.tolist()) == list(range(len(batch)))
    assert max(abs(batch.sequence - range(len(batch)))) > 20


@pytest.mark.parametrize(
    "options, message",
    [
        (["--step-to", "11"], "--step-to: expected a version such as 11.0, got '11'"),
        (["--late-nights", "1.5"], "faults.late_nights: expected a fraction in 0..1, got 1.5"),
        (["--hold", "0"], "faults.hold: expected 1 or more messages, got 0"),
    ],
)
def test_options_that_make_no_sense_are_one_line(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert brokerbench(["alerts", "spoil", str(tmp_path), "--to", "bad", *options]) == 2
    assert message in capsys.readouterr().err
