"""Whole nights that come late, as after an outage of a link: held on disk, sent later."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from brokerbench.rng import stream
from brokerbench.tables import Visits
from streamer.packets import Packets
from streamer.schemas import SCHEMAS

__all__ = ["NightOf", "hold_nights", "night_reader"]

Numbered = tuple[Packets, NDArray[np.int64]]
NightOf = Callable[[Packets], NDArray[np.int64]]
"""The night of each packet, i8[n]; -1 where it cannot be told."""


def night_reader(schema: str, visits: Visits) -> NightOf:
    """A function that tells the nights of packets by the visits that triggered them.

    A night is that of the observing plan; -1 for a packet that does not decode. UnknownName where there
    is no such schema.
    """
    decode = SCHEMAS[schema].decode
    order = np.argsort(visits.mjd, kind="stable")
    mjd, night = visits.mjd[order], visits.night[order].astype("i8")

    def night_of(packets: Packets) -> NDArray[np.int64]:
        # the row of a packet instead of its time: it tells which packets the batch holds
        batch, _ = decode(packets, np.arange(len(packets), dtype="i8"))
        out = np.full(len(packets), -1, "i8")
        if not len(batch):
            return out
        sources = np.add.reduceat((~batch.forced).astype("i8"), batch.offsets[:-1])
        when = batch.mjd[batch.offsets[:-1] + sources - 1]  # the triggering source is the last of them
        after = np.minimum(np.searchsorted(mjd, when), len(mjd) - 1)
        before = np.maximum(after - 1, 0)
        out[batch.published] = night[np.where(when - mjd[before] < mjd[after] - when, before, after)]
        return out

    return night_of


class _Held:
    """The messages of one night in a file without a name: gone with the process, whatever ends it."""

    def __init__(self) -> None:
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115  closed by pieces
        self._count = 0

    def put(self, packets: Packets, number: NDArray[np.int64]) -> None:
        for array in (packets.data, packets.offsets, number):
            np.save(self._file, array, allow_pickle=False)
        self._count += 1

    def pieces(self) -> Iterator[Numbered]:
        """Everything that was put, in that order; the file is closed."""
        with self._file as file:
            file.seek(0)
            for _ in range(self._count):
                data, offsets, number = (np.load(file, allow_pickle=False) for _ in range(3))
                yield Packets(data, offsets), number


def hold_nights(
    blocks: Iterator[Numbered],
    night_of: NightOf,
    *,
    seed: int,
    share: float,
    nights: int,
    counts: dict[str, int],
) -> Iterator[Numbered]:
    """The blocks with some nights sent late: after the end of the `nights`-th night behind their own.

    share: of the nights, drawn by seed and night. What cannot be told the night of stays with what came
    before it; what comes when its night has been sent goes straight on. counts["late_nights"]: nights held.
    """
    held: dict[int, _Held] = {}
    seen: set[int] = set()
    newest = -1
    for packets, number in blocks:
        told = night_of(packets)
        latest = np.maximum.accumulate(np.maximum(told, newest))
        night = np.where(told < 0, latest, told)
        for low, high in _runs(latest):
            newest = int(latest[low])
            for which in sorted(n for n in held if n + nights < newest):
                yield from held.pop(which).pieces()
            mine = night[low:high]
            waits = np.zeros(high - low, "?")
            for which in np.unique(mine).tolist():
                if (
                    which < 0
                    or which + nights < newest
                    or stream(seed, "late night", which).random() >= share
                ):
                    continue
                if which not in seen:
                    seen.add(which)
                    counts["late_nights"] += 1
                rows = low + np.flatnonzero(mine == which)
                held.setdefault(which, _Held()).put(packets.take(rows), number[rows])
                waits |= mine == which
            rows = low + np.flatnonzero(~waits)
            if len(rows):
                yield packets.take(rows), number[rows]
    for which in sorted(held):
        yield from held[which].pieces()


def _runs(values: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Start and end of each stretch of equal values."""
    edges = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1], [True]]))
    yield from zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
