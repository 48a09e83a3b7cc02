"""A full disk while a stream is prepared or played: one line, and it goes on where it stopped."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerbench.errors import InputError, TransportError
from brokerbench.store import Folder
from streamer import alerts
from streamer.alerts import prepare
from streamer.journal import Journal
from streamer.packets import PacketFile, Packets, PacketWriter
from streamer.replay import play
from streamer.transports import Receipts
from streamer.transports.spool import Spool
from tests.streamer.runs import make_run

PARTS = {"00-00000": 8, "00-00001": 5, "00-00002": 4}


def full(*_: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def stream_bytes(run: Folder) -> list[bytes]:
    return [path.read_bytes() for path in sorted((run.path / "stream").rglob("*")) if path.is_file()]


def test_a_full_disk_stops_a_prepare_which_goes_on_later(tmp_path: Path, monkeypatch) -> None:
    run, whole = (make_run(tmp_path / name, PARTS) for name in ("run", "whole"))
    prepare(whole)
    real, done = alerts.write_table, []

    def fills_up(*given: Any) -> None:
        real(*given) if len(done) < 1 else full()
        done.append(given)

    monkeypatch.setattr(alerts, "write_table", fills_up)
    with pytest.raises(InputError, match="stream.*: expected room for the packets of 3 parts, got No space"):
        prepare(run)
    monkeypatch.undo()
    assert not (run.path / "stream").exists()
    seen: list[tuple[int, int]] = []
    prepare(run, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 3), (3, 3)]
    assert stream_bytes(run) == stream_bytes(whole)


def test_another_fault_of_the_disk_keeps_its_own_words(tmp_path: Path, monkeypatch) -> None:
    def denied(*_: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "there")

    run = make_run(tmp_path / "run", PARTS)
    monkeypatch.setattr(alerts, "write_table", denied)
    with pytest.raises(PermissionError, match="there"):
        prepare(run)


def test_a_disk_without_room_for_the_journal_stops_a_play_before_it_sends(
    tmp_path: Path, monkeypatch
) -> None:
    run = make_run(tmp_path / "run", PARTS)
    prepare(run)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(InputError, match=r"play.journal: expected room for \d+ bytes, got No space left"):
        play(run, Spool(run.path / "topics"))
    monkeypatch.undo()
    assert not (run.path / "topics").exists()
    assert not (run.path / "play.journal").exists()
    assert play(run, Spool(run.path / "topics")).resumed == 0


def test_a_packet_file_whose_index_has_no_room_does_not_appear(tmp_path: Path, monkeypatch) -> None:
    numbers = np.arange(2, dtype="i8")
    path = tmp_path / "a.packets"
    writer = PacketWriter(path).__enter__()
    writer.write(Packets.of([b"x", b"y"]), numbers.astype("f8"), numbers, numbers)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        writer.__exit__(None, None, None)
    assert list(tmp_path.iterdir()) == []


def test_the_largest_packet_is_found_in_any_piece_of_the_index(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("streamer.packets._LOOK", 3)
    sizes = [5, 1, 2, 9, 0, 3, 4]
    for turn in range(len(sizes)):
        some = sizes[turn:] + sizes[:turn]
        numbers = np.arange(len(some), dtype="i8")
        with PacketWriter(tmp_path / "a") as writer:
            writer.write(Packets.of([b"x" * n for n in some]), numbers.astype("f8"), numbers, numbers)
        assert PacketFile(tmp_path / "a").largest() == 9
    with PacketWriter(tmp_path / "none"):
        pass
    assert PacketFile(tmp_path / "none").largest() == 0


def test_two_plays_of_one_run_do_not_write_one_journal(tmp_path: Path) -> None:
    path = tmp_path / "play.journal"
    with Journal(path, 4) as first:
        first.place(np.array([2, 0, 3, 1]), 0)
        two = np.array([0, 1])
        first.note(Receipts(two, np.zeros(2, "i4"), two, np.array([7, 8])))
        with pytest.raises(InputError, match="expected a run that nobody else plays"), Journal(path, 4):
            pass
        assert first.confirmed() == 2
        assert first.rows(0, 4)["sent"].tolist() == [8, 0, 7, 0]
    with Journal(path, 4) as second:
        assert second.confirmed() == 0


def test_a_disk_without_room_for_another_segment_lets_go_of_the_topic(tmp_path: Path, monkeypatch) -> None:
    spool = Spool(tmp_path, segment_bytes=100)
    producer = spool.producer("t")
    numbers = np.arange(1, dtype="i8")
    producer.send(Packets.of([b"x" * 200]), numbers, numbers)

    with monkeypatch.context() as patched:
        patched.setattr(type(producer), "_start_segment", full)
        with pytest.raises(TransportError, match="expected room for another segment, got No space left"):
            producer.send(Packets.of([b"y"]), numbers, numbers + 1)
        producer.close()
    again = spool.producer("t")
    again.send(Packets.of([b"y"]), numbers, numbers + 1)
    again.finish()
    again.close()
    held = spool.consumer("t")
    batches = []
    while not held.drained():
        batches += list(held.poll(10, 0).values)
    assert batches == [b"x" * 200, b"y"]
