"""Many byte strings in one array, and the file that keeps them: what streams are made of."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numba
import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError, TableError

__all__ = ["PacketFile", "PacketWriter", "Packets", "gather"]

_MAGIC = b"BBPACK01"
_TRAILER = struct.Struct("<8sqq")  # magic, packets, bytes of data
_LOOK = 65_536  # rows of an index at a time

INDEX = np.dtype([("publish", "<f8"), ("alert_id", "<i8"), ("object_id", "<i8"), ("end", "<i8")])
"""One row a packet of a packet file: when it is due, its ids, where its bytes end."""


@dataclass(frozen=True, eq=False)
class Packets:
    """n byte strings end to end: string i is data[offsets[i]:offsets[i + 1]].

    data: u1[bytes]. offsets: i8[n + 1], from 0, never falling.
    """

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.data.dtype != np.uint8 or self.offsets.dtype != np.int64 or not len(self.offsets):
            raise TableError(
                f"Packets: expected uint8 data and int64 offsets, got {self.data.dtype}, {self.offsets.dtype}"
            )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> bytes:
        return self.data[self.offsets[i] : self.offsets[i + 1]].tobytes()

    def __iter__(self) -> Iterator[bytes]:
        view = self.data.data
        ends = self.offsets.tolist()
        for start, end in zip(ends, ends[1:], strict=False):
            yield bytes(view[start:end])

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Bytes of each packet, i8[n]."""
        return np.diff(self.offsets)

    def take(self, rows: NDArray[np.int64]) -> Packets:
        """The packets of the given rows, in that order; copied."""
        starts = self.offsets[:-1][rows]
        return gather(self.data, starts, self.offsets[1:][rows] - starts)

    def slice(self, start: int, stop: int) -> Packets:
        """Packets start..stop; the bytes are not copied."""
        low, high = self.offsets[start], self.offsets[stop]
        return Packets(self.data[low:high], self.offsets[start : stop + 1] - low)

    @classmethod
    def of(cls, packets: Iterable[bytes]) -> Packets:
        """Packets from byte strings."""
        strings = packets if isinstance(packets, list) else list(packets)
        offsets = np.zeros(len(strings) + 1, "i8")
        np.cumsum([len(s) for s in strings], out=offsets[1:])
        return cls(np.frombuffer(b"".join(strings), "u1"), offsets)

    @classmethod
    def concat(cls, several: Sequence[Packets]) -> Packets:
        """The packets of several, one after the other; none of none."""
        if not several:
            return cls(np.empty(0, "u1"), np.zeros(1, "i8"))
        if len(several) == 1:
            return several[0]
        sizes = np.concatenate([p.sizes for p in several])
        offsets = np.zeros(len(sizes) + 1, "i8")
        np.cumsum(sizes, out=offsets[1:])
        return cls(np.concatenate([p.data[p.offsets[0] : p.offsets[-1]] for p in several]), offsets)


def gather(data: NDArray[np.uint8], starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> Packets:
    """Packets whose bytes lie at data[starts[i] : starts[i] + sizes[i]]; copied.

    data: u1[bytes]. starts, sizes: i8[n].
    """
    offsets = np.zeros(len(starts) + 1, "i8")
    np.cumsum(sizes, out=offsets[1:])
    out = np.empty(int(offsets[-1]), "u1")
    _gather(data, starts, offsets, out)
    return Packets(out, offsets)


@numba.njit(cache=True, nogil=True)
def _gather(data: Any, starts: Any, offsets: Any, out: Any) -> None:
    for i in range(len(starts)):
        size = offsets[i + 1] - offsets[i]
        out[offsets[i] : offsets[i] + size] = data[starts[i] : starts[i] + size]


class PacketWriter:
    """Writes a packet file piece by piece; the file is whole once the block has ended.

    Layout: the packets end to end, then the index (INDEX, one row a packet), then a trailer with
    magic, number of packets and number of data bytes. Memory holds the index alone.
    """

    def __init__(self, path: Path) -> None:
        self._target = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        self._index: list[NDArray[Any]] = []
        self._end = 0

    def __enter__(self) -> Self:
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = open(self._temporary, "wb")  # noqa: SIM115
        return self

    def write(
        self, packets: Packets, publish: NDArray[Any], ids: NDArray[Any], objects: NDArray[Any]
    ) -> None:
        """Add packets: publish f8[n] s, alert ids i8[n], object ids i8[n]."""
        rows = np.empty(len(packets), INDEX)
        rows["publish"], rows["alert_id"], rows["object_id"] = publish, ids, objects
        rows["end"] = self._end + packets.offsets[1:] - packets.offsets[0]
        self._file.write(packets.data[packets.offsets[0] : packets.offsets[-1]].data)
        self._index.append(rows)
        if len(rows):
            self._end = int(rows["end"][-1])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                count = 0
                for rows in self._index:
                    self._file.write(rows.tobytes())
                    count += len(rows)
                self._file.write(_TRAILER.pack(_MAGIC, count, self._end))
                self._file.flush()
                os.fsync(self._file.fileno())
                os.replace(self._temporary, self._target)
        finally:  # a full disk may show as late as the index is written
            self._file.close()
            self._temporary.unlink(missing_ok=True)


class PacketFile:
    """A packet file to read by ranges of packets; holds no file open and nothing in memory.

    InputError where the file is missing, truncated or another thing.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            with open(self.path, "rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _TRAILER.size))
                trailer = file.read()
        except OSError as error:
            raise InputError(f"{path}: expected a packet file, got {error.strerror}") from error
        if len(trailer) < _TRAILER.size or not trailer.startswith(_MAGIC):
            raise InputError(f"{path}: expected a whole packet file, got one cut short; prepare the run anew")
        _, self._count, self._bytes = _TRAILER.unpack(trailer)
        if size != self._bytes + self._count * INDEX.itemsize + _TRAILER.size:
            raise InputError(f"{path}: expected {self._count} packets, got a file of another size")

    def __len__(self) -> int:
        return self._count

    def index(self, start: int, stop: int) -> NDArray[Any]:
        """Index rows start..stop (INDEX)."""
        raw = self._read(self._bytes + start * INDEX.itemsize, (stop - start) * INDEX.itemsize)
        return raw.view(INDEX)

    def largest(self) -> int:
        """Bytes of the largest packet, 0 where there is none."""
        most, before = 0, 0
        for start in range(0, self._count, _LOOK):
            ends = self.index(start, min(self._count, start + _LOOK))["end"]
            most = max(most, int(np.diff(ends, prepend=before).max()))
            before = int(ends[-1])
        return most

    def read(self, start: int, stop: int) -> Packets:
        """Packets start..stop."""
        low = 0 if start == 0 else int(self.index(start - 1, start)["end"][0])
        ends = self.index(start, stop)["end"]
        offsets = np.concatenate([[0], ends - low]).astype("i8")
        return Packets(self._read(low, int(offsets[-1])), offsets)

    def _read(self, at: int, size: int) -> NDArray[np.uint8]:
        out = np.empty(size, "u1")
        with open(self.path, "rb") as file:
            file.seek(at)
            if file.readinto(out.data) != size:
                raise InputError(
                    f"{self.path}: expected {size} bytes at {at}, got fewer; prepare the run anew"
                )
        return out
