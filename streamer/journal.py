"""What was confirmed of a play, on disk while it goes on, and the ledger that it becomes."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import AccountingError, InputError
from brokerbench.store import Folder, write_table
from brokerbench.tables import Alerts, DiaObjects, Ledger, LightCurves, Visits
from streamer.transports import Receipts

__all__ = ["Journal", "write_ledger"]

_ROW = np.dtype([("sent", "<i8"), ("offset", "<i8"), ("partition", "<i4"), ("there", "?"), ("place", "<i8")])


class Journal:
    """Which alerts were confirmed, when and where: a row an alert on disk, so memory stays bounded.

    Messages are numbered by their place in the stream, the one number that tells a receiver nothing: a
    part holds one population, so a number in the order of the parts would be the class. The row of an
    alert's place has what was confirmed; `place` of row k is that of the k-th alert of the parts.
    """

    def __init__(self, path: Path, total: int) -> None:
        self.path, self._total = path, total

    def __enter__(self) -> Journal:
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._make_room(self._total * _ROW.itemsize)
        except BaseException:
            os.close(self._file)
            raise
        shape = (self._total,)
        self._rows: Any = np.memmap(self.path, _ROW, "r+", shape=shape) if self._total else np.empty(0, _ROW)
        self._count = 0
        return self

    def __exit__(self, *_: object) -> None:
        self._rows = None
        os.close(self._file)

    def _make_room(self, size: int) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"{self.path}: expected a run that nobody else plays, got another one; wait for its end"
            ) from error
        os.ftruncate(self._file, 0)
        os.ftruncate(self._file, size)
        try:  # room for all of it now: a page that the disk has no room for later kills the process
            if size and hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._file, 0, size)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.EOPNOTSUPP):  # a file system that cannot say
                return
            self.path.unlink()
            raise InputError(
                f"{self.path}: expected room for {size} bytes, got {error.strerror}; make room and go on "
                "where it stopped"
            ) from error

    def note(self, receipts: Receipts) -> None:
        """Enter what was confirmed. AccountingError for what was confirmed before or never planned."""
        at = receipts.sequence
        if not len(at):
            return
        known = (at >= 0) & (at < self._total)
        if not known.all():
            raise AccountingError(
                f"play: expected messages 0..{self._total - 1} in the topic, got {at[~known][0]}; "
                "it holds another run: choose another topic"
            )
        if self._rows["there"][at].any() or len(np.unique(at)) < len(at):
            raise AccountingError("play: expected every alert in the topic once, got one twice")
        self._rows["there"][at] = True
        self._rows["sent"][at] = receipts.timestamp
        self._rows["offset"][at] = receipts.offset
        self._rows["partition"][at] = receipts.partition
        self._count += len(at)

    def confirmed(self) -> int:
        return self._count

    def there(self, sequence: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the messages of these places are confirmed."""
        return np.asarray(self._rows["there"][sequence])

    def place(self, alerts: NDArray[np.int64], first: int) -> NDArray[np.int64]:
        """Places first, first + 1 .. in the stream i8[n], from now on those of these alerts of the parts."""
        places = np.arange(first, first + len(alerts), dtype="i8")
        self._rows["place"][alerts] = places
        return places

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """What was confirmed of the alerts start:stop of the parts."""
        return np.array(self._rows[np.asarray(self._rows["place"][start:stop])])


def write_ledger(run: Folder, stream: Folder, journal: Journal, bases: NDArray[np.int64]) -> None:
    """Write RUN/ledger: what of each part was sent, when and where. bases i8[parts + 1]: number of the first
    alert of each part.
    """
    about = {"kind": "ledger", "topic_of": stream.manifest["schema"], "seed": stream.manifest["seed"]}
    ledger = Folder.begin(run.path / "ledger", about)
    visits = run.read("visits", "all", Visits)
    for i, part in enumerate(stream.parts):
        alerts = stream.read("alerts", part, Alerts)
        rows = journal.rows(int(bases[i]), int(bases[i + 1]))
        light_curves = run.read("light_curves", part, LightCurves)
        table = Ledger(
            alert_id=alerts.alert_id,
            object_id=run.read("dia_objects", part, DiaObjects).object_id[alerts.object],
            mjd=visits.mjd[light_curves.visit[alerts.row]],
            detection=_running_number(alerts.object),
            planned=alerts.publish,
            sent=rows["sent"].astype("i8"),
            partition=rows["partition"].astype("i4"),
            offset=rows["offset"].astype("i8"),
        )
        write_table(ledger.file("ledger", part), table)
        ledger.commit(part, [ledger.file("ledger", part)], alerts=len(table))
    ledger.complete(alerts=int(bases[-1]))


def _running_number(objects: NDArray[np.int64]) -> NDArray[np.int32]:
    """1 for the first row of each object, 2 for the second .., i4[n]."""
    order = np.argsort(objects, kind="stable")
    ranked = objects[order]
    number = np.arange(len(objects)) - np.searchsorted(ranked, ranked, "left") + 1
    out = np.empty(len(objects), "i4")
    out[order] = number
    return out
