"""Memory does not grow with the number of alerts: four times as many need no more."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brokerbench.store import Folder
from streamer import collect as collecting
from streamer import merge, replay
from streamer.alerts import prepare, read_batches
from streamer.collect import collect
from streamer.replay import play
from streamer.serve import Batching, Route, serve
from streamer.spill import Spill
from streamer.transports.spool import Spool
from tests.streamer.runs import Prior, make_run


@pytest.fixture
def small_buffers(monkeypatch) -> None:
    """Buffers so small that a few thousand alerts fill them many times."""
    monkeypatch.setattr(merge, "BUFFERED", 128)
    monkeypatch.setattr(replay, "SEND", 64)
    monkeypatch.setattr(collecting, "_POLL", 128)
    monkeypatch.setattr(Spill, "HELD", 1000)


def peak(work: Callable[[], Any]) -> int:
    """Most bytes allocated at a time, by Python and numpy."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def stages(path: Path, parts: int) -> dict[str, int]:
    run = make_run(path, {f"00-{i:05d}": 40 for i in range(parts)}, visits=150, alike=True)
    peaks = {"prepare": peak(lambda: prepare(run))}
    spool = Spool(run.path / "topics", segment_bytes=200_000)
    peaks["play"] = peak(lambda: play(run, spool))
    peaks["serve"] = peak(lambda: serve(Prior(), spool, Route("answers"), batching=Batching(size=64)))
    peaks["collect"] = peak(lambda: collect(run, spool, ["answers"]))
    peaks["read_batches"] = peak(lambda: [len(b) for _, b in read_batches(run, size=64)])
    assert Folder.open(run.path / "answers" / "prior")
    return peaks


def test_four_times_the_alerts_need_no_more_memory(tmp_path: Path, small_buffers: None) -> None:
    stages(tmp_path / "warm", 1)  # what is loaded and compiled once
    one, four = stages(tmp_path / "one", 3), stages(tmp_path / "four", 12)
    for stage, bytes_ in four.items():
        # parts themselves are listed in manifests and readers: a few kB each
        assert bytes_ < 1.25 * one[stage] + 12 * 16_384, (stage, one[stage], bytes_)
