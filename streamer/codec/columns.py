"""What goes into an encoder and comes out of a decoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.packets import Packets, gather

__all__ = ["BITS", "Decoded", "Ranges", "Spliced"]

BITS = ("i8", "u8", "u4", "u1")
"""How the kernels see the pools."""


@dataclass(frozen=True, eq=False)
class Ranges:
    """n byte strings that lie somewhere in data: start i8[n], size i8[n]; in no order, overlapping or not."""

    data: NDArray[np.uint8]
    start: NDArray[np.int64]
    size: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    def packets(self) -> Packets:
        """The strings copied end to end."""
        return gather(self.data, self.start, self.size)

    def texts(self) -> list[str]:
        """The strings as text."""
        return [raw.decode() for raw in self.packets()]

    @classmethod
    def of(cls, packets: Packets) -> Ranges:
        """The ranges of packets."""
        return cls(packets.data, packets.offsets[:-1], packets.sizes)


@dataclass(frozen=True, eq=False)
class Spliced:
    """Ready bytes in place of a record or of the items of an array.

    items: the values encoded before. first, last i8[n]: value i is items first[i]..last[i]; one of them
    for a record.
    """

    items: Packets
    first: NDArray[np.int64]
    last: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Decoded:
    """Columns of the packets that are whole.

    rows i8[n]: which packets. columns: by path; NaN, 0 or an empty string where a nullable value is
    null. PATH? is the branch of a union (u1), PATH# the length of an array (i8). wrong: (packet,
    what was wrong) of the others.
    """

    rows: NDArray[np.int64]
    columns: Mapping[str, Any]
    wrong: list[tuple[int, str]]

    def __getitem__(self, path: str) -> Any:
        return self.columns[path]

    def __contains__(self, path: object) -> bool:
        return path in self.columns
