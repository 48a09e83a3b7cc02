"""Messages put aside on disk in buckets, so that they can be joined bucket by bucket."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.table import items_of

__all__ = ["ROW", "Spill", "Spilled"]

ROW = np.dtype(
    [
        ("topic", "<i4"),
        ("partition", "<i4"),
        ("offset", "<i8"),
        ("alert_id", "<i8"),
        ("published", "<i8"),
        ("claimed_publish", "<i8"),
        ("claimed_ingest", "<i8"),
        ("pairs", "<i4"),
    ]
)
_HEAD = struct.Struct("<qq")


@dataclass(frozen=True, eq=False)
class Spilled:
    """n messages (ROW) and their pairs end to end: class_id i4, probability f4."""

    rows: NDArray[Any]
    class_id: NDArray[np.int32]
    probability: NDArray[np.float32]

    def dense(self, classes: NDArray[np.int32]) -> NDArray[np.float32]:
        """f4[n, len(classes)], as received: 0 where a message does not name a class.

        classes: ascending, with every class named.
        """
        out = np.zeros((len(self.rows), len(classes)), "f4")
        of = np.repeat(np.arange(len(self.rows)), self.rows["pairs"])
        out[of, np.searchsorted(classes, self.class_id)] = self.probability
        return out


class Spill:
    """Buckets below a folder; what is put is held until there is enough to write."""

    HELD = 1_000_000
    """Pairs held in memory before they are written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True)
        self._held: list[tuple[Spilled, NDArray[np.int64]]] = []
        self._pairs = 0

    def put(self, messages: Spilled, bucket: NDArray[np.int64]) -> None:
        """Put messages into their buckets, i8[n]."""
        self._held.append((messages, bucket))
        self._pairs += len(messages.class_id) + len(messages.rows)
        if self._pairs > self.HELD:
            self._write()

    def _write(self) -> None:
        held, self._held, self._pairs = self._held, [], 0
        if not any(len(b) for _, b in held):
            return
        rows = np.concatenate([m.rows for m, _ in held])
        class_id = np.concatenate([m.class_id for m, _ in held])
        probability = np.concatenate([m.probability for m, _ in held])
        bucket = np.concatenate([b for _, b in held])
        order = np.argsort(bucket, kind="stable")
        starts = np.cumsum(rows["pairs"]) - rows["pairs"]
        counts = rows["pairs"][order]
        pair = items_of(starts[order], counts)
        rows, class_id, probability, bucket = rows[order], class_id[pair], probability[pair], bucket[order]
        ends = np.concatenate([[0], np.cumsum(counts)])
        edges = np.flatnonzero(np.concatenate([[True], bucket[1:] != bucket[:-1], [True]]))
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            p = slice(ends[low], ends[high])
            with open(self._folder / f"{bucket[low]}.bin", "ab") as file:
                file.write(_HEAD.pack(high - low, ends[high] - ends[low]))
                for array in (rows[low:high], class_id[p], probability[p]):
                    file.write(array.tobytes())

    def take(self, bucket: int) -> Spilled:
        """Everything put into a bucket, in the order of putting; the bucket is removed."""
        self._write()
        path = self._folder / f"{bucket}.bin"
        raw = path.read_bytes() if path.exists() else b""
        path.unlink(missing_ok=True)
        rows, classes, probabilities, at = [np.empty(0, ROW)], [np.empty(0, "i4")], [np.empty(0, "f4")], 0
        while at < len(raw):
            n, pairs = _HEAD.unpack_from(raw, at)
            at += _HEAD.size
            for kind, count, out in ((ROW, n, rows), ("<i4", pairs, classes), ("<f4", pairs, probabilities)):
                array = np.frombuffer(raw, kind, count, at)
                out.append(array)
                at += array.nbytes
        return Spilled(np.concatenate(rows), np.concatenate(classes), np.concatenate(probabilities))
