"""The spool: what was flushed is there, what is torn is cut, what is damaged is an error."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from brokerbench.errors import TransportError, UnknownName
from streamer.clock import ManualClock
from streamer.packets import Packets
from streamer.transports import MessageBatch, open_transport
from streamer.transports.spool import Spool


def batch(first: int, count: int, size: int = 20) -> tuple[Packets, np.ndarray, np.ndarray]:
    values = [(f"{i}-".encode() * size)[: size + i % 7] for i in range(first, first + count)]
    numbers = np.arange(first, first + count, dtype="i8")
    return Packets.of(values), numbers * 10, numbers


def read_all(spool: Spool, topic: str = "t", at_a_time: int = 7) -> list[MessageBatch]:
    consumer = spool.consumer(topic)
    out = []
    while not consumer.drained():
        out.append(consumer.poll(at_a_time, 0))
    return out


def values(batches: list[MessageBatch]) -> list[bytes]:
    return [v for b in batches for v in b.values]


def segment(folder: Path) -> Path:
    return sorted((folder / "t").glob("*.seg"))[-1]


def test_messages_come_back_in_order_with_offsets_times_and_numbers(tmp_path: Path) -> None:
    clock = ManualClock(1_000)
    spool = Spool(tmp_path, clock=clock)
    producer = spool.producer("t")
    sent = []
    for first, count in ((0, 3), (3, 1), (4, 30)):
        producer.send(*batch(first, count))
        sent += list(batch(first, count)[0])
        clock.advance(1)
    receipts = producer.receipts()
    producer.finish()
    producer.close()
    got = read_all(spool)
    assert values(got) == sent
    offsets = np.concatenate([b.offset for b in got])
    assert (offsets == np.arange(34)).all()
    assert (np.concatenate([b.sequence for b in got]) == np.arange(34)).all()
    times = np.concatenate([b.timestamp for b in got])
    assert times.tolist() == [1_000] * 3 + [1_001_000] + [2_001_000] * 30
    assert (receipts.offset == offsets).all()
    assert (receipts.timestamp == times).all()
    assert len(producer.receipts()) == 0


def test_a_topic_is_split_into_segments_named_by_their_first_offset(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment_bytes=500)
    producer = spool.producer("t")
    for first in range(0, 60, 6):
        producer.send(*batch(first, 6))
    producer.finish()
    producer.close()
    names = [int(f.stem) for f in sorted((tmp_path / "t").glob("*.seg"))]
    assert len(names) > 3
    assert names[0] == 0
    got = read_all(spool)
    assert np.concatenate([b.offset for b in got]).tolist() == list(range(60))
    assert set(names) <= set(range(61))


@pytest.mark.parametrize("at_a_time", [1, 5, 1000])
def test_a_torn_tail_is_cut_at_any_byte_and_everything_before_it_stays(
    tmp_path: Path, at_a_time: int
) -> None:
    spool = Spool(tmp_path)
    producer = spool.producer("t")
    producer.send(*batch(0, 4))
    producer.flush()
    whole = segment(tmp_path).stat().st_size
    producer.send(*batch(4, 2, size=3))
    producer.flush()
    producer.close()
    raw = segment(tmp_path).read_bytes()
    for size in range(whole, len(raw)):
        segment(tmp_path).write_bytes(raw[:size])
        assert values(read_all(spool, at_a_time=at_a_time)) == list(batch(0, 4)[0])
        again = spool.producer("t")
        assert again.cut == size - whole
        assert again.next_offset == 4
        again.send(*batch(4, 2, size=3))
        again.flush()
        again.close()
        assert segment(tmp_path).read_bytes()[:whole] == raw[:whole]
        assert values(read_all(spool)) == list(batch(0, 4)[0]) + list(batch(4, 2, size=3)[0])


def test_a_tail_of_zeros_as_left_by_a_power_cut_is_cut(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    producer = spool.producer("t")
    producer.send(*batch(0, 4))
    producer.flush()
    producer.close()
    with open(segment(tmp_path), "ab") as file:
        file.write(bytes(5000))
    assert len(values(read_all(spool))) == 4
    again = spool.producer("t")
    assert (again.cut, again.next_offset) == (5000, 4)
    again.close()


def test_damage_in_front_of_whole_blocks_is_an_error_and_nothing_is_cut(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    producer = spool.producer("t")
    producer.send(*batch(0, 4))
    producer.send(*batch(4, 4))
    producer.flush()
    producer.close()
    raw = segment(tmp_path).read_bytes()
    for at in (0, 5, 9, 40, 90):
        broken = bytearray(raw)
        broken[at] ^= 0x40
        segment(tmp_path).write_bytes(broken)
        with pytest.raises(TransportError, match="expected whole blocks, got a damaged one at byte 0"):
            spool.producer("t")
        with pytest.raises(TransportError, match="expected whole blocks, got a damaged one at byte 0"):
            read_all(spool)
        assert segment(tmp_path).read_bytes() == bytes(broken)


def test_damage_at_the_end_of_a_finished_segment_is_an_error(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment_bytes=300)
    producer = spool.producer("t")
    for first in range(0, 40, 4):
        producer.send(*batch(first, 4))
    producer.finish()
    producer.close()
    first = sorted((tmp_path / "t").glob("*.seg"))[0]
    first.write_bytes(first.read_bytes()[:-3])
    with pytest.raises(TransportError, match="expected whole blocks, got a damaged one"):
        read_all(spool)


def test_the_end_is_the_end_marker_and_not_the_last_message(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    producer = spool.producer("t")
    consumer = spool.consumer("t")
    assert consumer.drained()
    assert not consumer.at_end()
    producer.send(*batch(0, 2))
    assert len(consumer.poll(10, 0)) == 2
    assert consumer.drained()
    assert not consumer.at_end()
    producer.finish()
    assert consumer.at_end()
    producer.finish()  # once is enough
    producer.close()
    size = segment(tmp_path).stat().st_size
    again = spool.producer("t")
    again.finish()
    assert segment(tmp_path).stat().st_size == size
    again.send(*batch(2, 1))
    assert not consumer.at_end()
    assert consumer.poll(5, 0).sequence.tolist() == [2]
    again.finish()
    assert consumer.at_end()
    again.close()


def test_a_group_goes_on_behind_its_last_commit(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment_bytes=400)
    producer = spool.producer("t")
    for first in range(0, 50, 5):
        producer.send(*batch(first, 5))
    producer.finish()
    producer.close()
    one = spool.consumer("t", "one")
    one.poll(13, 0)
    one.commit()
    one.poll(20, 0)
    assert spool.consumer("t", "one").poll(3, 0).offset.tolist() == [13, 14, 15]
    assert spool.consumer("t", "two").poll(1, 0).offset.tolist() == [0]
    with pytest.raises(TransportError, match="expected a group to commit for"):
        spool.consumer("t").commit()
    (tmp_path / "t" / "groups" / "one.json").write_text("{}")
    with pytest.raises(TransportError, match="expected an offset, got an unreadable file"):
        spool.consumer("t", "one")


def test_two_producers_at_once_are_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    producer = spool.producer("t")
    with pytest.raises(TransportError, match="expected no other producer"):
        spool.producer("t")
    producer.close()
    spool.producer("t").close()


def test_a_topic_of_another_version_is_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.producer("t").close()
    (tmp_path / "t" / "topic.json").write_text(json.dumps({"kind": "spool", "version": 9}))
    with pytest.raises(TransportError, match="expected a spool of version 1, got version 9"):
        spool.consumer("t")
    with pytest.raises(TransportError, match="expected a spool of version 1, got version 9"):
        spool.producer("t")
    (tmp_path / "t" / "topic.json").write_text("[]")
    with pytest.raises(TransportError, match="got an unreadable topic.json"):
        spool.producer("t")


@pytest.mark.parametrize("name", ["../up", "", "a/b", "ü", ".", "x" * 300])
def test_a_topic_name_stays_inside_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(TransportError, match="expected a topic name of letters"):
        Spool(tmp_path).producer(name)


def test_a_full_disk_leaves_the_whole_blocks_and_says_so(tmp_path: Path, monkeypatch) -> None:
    spool = Spool(tmp_path)
    producer = spool.producer("t")
    producer.send(*batch(0, 3))
    real, room = os.write, [50, 20]

    def full(file: int, data: memoryview) -> int:
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, data[: room.pop()])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(TransportError, match="got No space left on device; make room"):
        producer.send(*batch(3, 3))
    monkeypatch.undo()
    assert len(values(read_all(spool))) == 3
    producer.send(*batch(3, 3))
    producer.close()
    assert values(read_all(spool)) == list(batch(0, 6)[0])


def test_a_failing_flush_is_an_error(tmp_path: Path, monkeypatch) -> None:
    producer = Spool(tmp_path).producer("t")

    def broken(file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(TransportError, match="expected a disk that writes, got Input/output error"):
        producer.flush()
    producer.close()


def _write(folder: Path, messages: int) -> None:
    producer = Spool(folder, segment_bytes=3000).producer("t")
    for first in range(0, messages, 10):
        producer.send(*batch(first, 10))
    producer.finish()
    producer.close()


def test_a_reader_follows_a_writer_of_another_process(tmp_path: Path) -> None:
    writer = multiprocessing.get_context("spawn").Process(target=_write, args=(tmp_path, 3000))
    consumer = Spool(tmp_path).consumer("t")
    writer.start()
    got: list[bytes] = []
    while not consumer.at_end():
        got += list(consumer.poll(64, 0.02).values)
        assert writer.is_alive() or writer.exitcode == 0
    writer.join()
    assert got == list(batch(0, 3000)[0])


def test_a_batch_larger_than_a_segment_is_split_between_blocks(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment_bytes=1 << 16)
    producer = spool.producer("t")
    producer.send(*batch(0, 40, size=100_000))
    producer.close()
    assert len(list((tmp_path / "t").glob("*.seg"))) > 1
    assert values(read_all(spool)) == list(batch(0, 40, size=100_000)[0])


def test_transports_are_opened_by_name(tmp_path: Path) -> None:
    spool = open_transport("spool", run=tmp_path, settings={"segment_bytes": "1000"})
    assert spool.topics() == []
    spool.producer("b").close()
    spool.producer("a").close()
    assert spool.topics() == ["a", "b"]
    assert (tmp_path / "topics" / "a").is_dir()
    with pytest.raises(UnknownName, match="did you mean 'kafka'"):
        open_transport("kafak", run=tmp_path)
    with pytest.raises(TransportError, match="expected no setting but segment_bytes, got"):
        open_transport("spool", run=tmp_path, settings={"x": "1"})
    with pytest.raises(TransportError, match="expected segment_bytes as a number, got 'many'"):
        open_transport("spool", run=tmp_path, settings={"segment_bytes": "many"})


def test_a_clock_that_was_set_back_is_an_error_and_a_small_step_is_smoothed(tmp_path: Path) -> None:
    spool = Spool(tmp_path, clock=ManualClock(100_000_000))
    producer = spool.producer("t")
    producer.send(*batch(0, 1))
    producer.close()
    slower = Spool(tmp_path, clock=ManualClock(99_500_000)).producer("t")
    slower.send(*batch(1, 1))
    assert slower.receipts().timestamp.tolist() == [100_000_000]
    slower.close()
    back = Spool(tmp_path, clock=ManualClock(40_000_000)).producer("t")
    with pytest.raises(TransportError, match="expected a clock that goes forward, got one 60 s behind"):
        back.send(*batch(2, 1))
    back.close()
    assert len(values(read_all(spool))) == 2
