"""Archives: a tar a night with a file an alert, as ZTF keeps them; written and played without unpacking."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from brokerbench.errors import InputError
from brokerbench.store import Folder
from brokerbench.tables import Visits
from streamer.merge import merged
from streamer.packets import PacketFile, Packets
from streamer.transports import Producer, Transport

__all__ = ["archive_nights", "play_archive", "read_archive"]

SECONDS_A_DAY = 86400.0
MOST_PACKET = 64 << 20
_SEND = 256
Progress = Callable[[int, int], None]


def archive_nights(run: Folder, folder: str | Path, *, progress: Progress | None = None) -> list[Path]:
    """The tars of a run's stream, one a night that sends alerts: NIGHT.tar, a file an alert.

    Files are the packets as they are sent, in the order of sending, named
    alert_mjdMJD_objOBJECT_srcSOURCE.avro. A night is that of the observing plan. A tar appears when it
    is whole; one that is there is kept. InputError where the run has no stream.
    """
    stream = Folder.open(run.path / "stream", kind="stream")
    visits = run.read("visits", "all", Visits)
    order = np.argsort(visits.mjd)
    mjd, night = visits.mjd[order], visits.night[order]
    files = [PacketFile(stream.path / "packets" / f"{part}.packets") for part in stream.parts]
    start, delay = run.manifest["stream_start"], stream.manifest["delay_s"]
    total, done = sum(map(len, files)), 0
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    tars = _Tars(target)
    try:
        for burst in merged(files):
            when = start + (burst.publish - delay) / SECONDS_A_DAY
            at = np.clip(np.searchsorted(mjd, when), 0, len(mjd) - 1)
            nearest = np.where((at > 0) & (when - mjd[at - 1] < mjd[at] - when), at - 1, at)
            rows = zip(
                night[nearest], mjd[nearest], burst.object_id, burst.alert_id, burst.packets, strict=True
            )
            for which, time, object_id, alert_id, packet in rows:
                tars.add(int(which), f"alert_mjd{time:.4f}_obj{object_id}_src{alert_id}.avro", packet)
            done += len(burst.row)
            if progress:
                progress(done, total)
        tars.finish()
    finally:
        tars.drop()
    return tars.written


class _Tars:
    """One tar open at a time: the stream goes night by night."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._night = folder, -(10**9)
        self._tar: tarfile.TarFile | None = None
        self._temporary = Path()
        self.written: list[Path] = []

    def add(self, night: int, name: str, packet: bytes) -> None:
        if night != self._night:
            self.finish()
            self._night = night
            self.written.append(self._folder / f"{night:05d}.tar")
            if not self.written[-1].exists():
                self._temporary = self._folder / f".{night:05d}.tar.{os.getpid()}.tmp"
                self._tar = tarfile.open(self._temporary, "w")  # noqa: SIM115  closed by finish
        if self._tar is not None:
            about = tarfile.TarInfo(name)
            about.size = len(packet)
            self._tar.addfile(about, io.BytesIO(packet))

    def finish(self) -> None:
        if self._tar is not None:
            self._tar.close()
            self._tar = None
            os.replace(self._temporary, self.written[-1])

    def drop(self) -> None:
        if self._tar is not None:
            self._tar.close()
            self._temporary.unlink(missing_ok=True)


def read_archive(path: str | Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file of a tar (or tar.gz), read from front to back; nothing is unpacked.

    Folders and links are passed over. InputError where the file is no tar, is cut short, or holds a
    file of more than 64 MiB.
    """
    try:
        with tarfile.open(path, "r|*") as tar:
            for member in tar:
                if not member.isfile():
                    continue
                if member.size > MOST_PACKET:
                    raise InputError(
                        f"{path}: {member.name}: expected at most {MOST_PACKET} bytes, got {member.size}"
                    )
                file = tar.extractfile(member)
                assert file is not None
                raw = file.read()
                if len(raw) != member.size:
                    raise InputError(f"{path}: {member.name}: expected {member.size} bytes, got {len(raw)}")
                yield member.name, raw
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InputError(f"{path}: expected a whole tar of alerts, got {error}") from error


def play_archive(
    paths: list[Path], transport: Transport, topic: str, *, progress: Progress | None = None
) -> int:
    """Number of alerts sent from tars to a topic, in their order; goes on behind what the topic holds.

    Nothing is sent where a tar is missing.
    """
    for path in paths:
        if not Path(path).is_file():
            raise InputError(f"{path}: expected a tar of alerts, got nothing there; check the path")
    producer = transport.producer(topic)
    consumer = transport.consumer(topic)
    there = 0
    while not consumer.drained():
        there += len(consumer.poll(4096, 0.05))
    consumer.close()
    number, held = 0, []
    try:
        for path in paths:
            for _, packet in read_archive(path):
                number += 1
                if number <= there:
                    continue
                held.append(packet)
                if len(held) == _SEND:
                    _send(producer, held, number - len(held))
                    held = []
                    if progress:
                        progress(number, -1)
        _send(producer, held, number - len(held))
        producer.finish()
        if progress:
            progress(number, number)
    finally:
        producer.close()
    return max(0, number - there)


def _send(producer: Producer, packets: list[bytes], first: int) -> None:
    numbers = np.arange(first, first + len(packets), dtype="i8")
    producer.send(Packets.of(packets), numbers, numbers)
