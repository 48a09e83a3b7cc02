"""The packets of all parts in the order of the stream, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.packets import INDEX, PacketFile, Packets

__all__ = ["Burst", "merged"]

BUFFERED = 8192
"""Index rows held at a time, over all parts."""


@dataclass(frozen=True, eq=False)
class Burst:
    """Packets in the order of the stream: source i4[n] is the part, row i8[n] the packet in it."""

    packets: Packets
    publish: NDArray[np.float64]
    object_id: NDArray[np.int64]
    alert_id: NDArray[np.int64]
    part: NDArray[np.int32]
    row: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> Burst:
        """The given rows."""
        packets = self.packets.take(rows)
        names = ("publish", "object_id", "alert_id", "part", "row")
        return Burst(packets, **{name: getattr(self, name)[rows] for name in names})


class _Reader:
    """The next index rows of one part."""

    def __init__(self, file: PacketFile, ahead: int) -> None:
        self.file, self._ahead = file, ahead
        self.start = 0  # row of the first one held
        self.rows = np.empty(0, INDEX)
        self.refill()

    def refill(self) -> None:
        """Hold `ahead` rows again, or all that are left."""
        end = self.start + len(self.rows)
        want = min(self.start + self._ahead, len(self.file))
        if want > end:
            self.rows = np.concatenate([self.rows, self.file.index(end, want)])

    def complete(self) -> bool:
        return self.start + len(self.rows) == len(self.file)

    def take(self, count: int) -> tuple[Packets, NDArray[Any], int]:
        first, rows = self.start, self.rows[:count]
        packets = self.file.read(first, first + count)
        self.start, self.rows = first + count, self.rows[count:]
        return packets, rows, first


def merged(files: list[PacketFile]) -> Iterator[Burst]:
    """The packets of several files by (publish, alert_id); memory does not grow with their number."""
    ahead = max(4, BUFFERED // max(1, len(files)))
    readers = [_Reader(f, ahead) for f in files]
    while any(len(r.rows) for r in readers):
        limits = [_last(r) for r in readers if not r.complete()]
        limit = min(limits) if limits else (np.inf, 0)
        taken, which = [], []
        for i, reader in enumerate(readers):
            count = _due(reader.rows, limit)
            if count:
                taken.append(reader.take(count))
                reader.refill()
                which.append(i)
        yield _burst(taken, which)


def _last(reader: _Reader) -> tuple[float, int]:
    last = reader.rows[-1]
    return float(last["publish"]), int(last["alert_id"])


def _due(rows: NDArray[Any], limit: tuple[float, int]) -> int:
    """How many rows lie at or before the limit."""
    low = int(np.searchsorted(rows["publish"], limit[0], "left"))
    high = int(np.searchsorted(rows["publish"], limit[0], "right"))
    return low + int(np.searchsorted(rows["alert_id"][low:high], limit[1], "right"))


def _burst(taken: list[tuple[Packets, NDArray[Any], int]], which: list[int]) -> Burst:
    rows = np.concatenate([r for _, r, _ in taken])
    part = np.repeat(np.array(which, "i4"), [len(r) for _, r, _ in taken])
    row = np.concatenate([np.arange(first, first + len(r), dtype="i8") for _, r, first in taken])
    order = np.lexsort((rows["alert_id"], rows["publish"]))
    packets = Packets.concat([p for p, _, _ in taken]).take(order)
    columns = {name: rows[name][order] for name in ("publish", "object_id", "alert_id")}
    return Burst(packets, **columns, part=part[order], row=row[order])
