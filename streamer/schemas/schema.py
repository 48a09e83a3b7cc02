"""What an alert schema is: Avro records, their framing and their mapping from and to tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.tables import AlertBatch, Alerts, DiaObjects, Hosts, LightCurves, Visits
from streamer.codec import Ranges
from streamer.history import Histories
from streamer.packets import Packets

__all__ = ["CUTOUTS", "UNKNOWN_HOST", "UNKNOWN_REDSHIFT", "Part", "Schema", "names_of"]

UNKNOWN_REDSHIFT = 1
UNKNOWN_HOST = 2

CUTOUTS = ("Science", "Template", "Difference")
"""The stamps of an alert, as surveys name them."""


@dataclass(frozen=True, eq=False)
class Part:
    """Everything that a survey knows of one part when it builds alerts; nothing of truth.

    source_id, forced_id: i8[s], i8[m], ids of histories.sources and histories.measured. unknown: u1[s], what
    the survey does not know of the object when the source is alerted: UNKNOWN_REDSHIFT, UNKNOWN_HOST.
    cutouts: by name of CUTOUTS the stamps of all alerts in the order of `alerts`; empty where there is none.
    """

    visits: Visits
    light_curves: LightCurves
    objects: DiaObjects
    hosts: Hosts
    hosts2: Hosts
    alerts: Alerts
    histories: Histories
    source_id: NDArray[np.int64]
    forced_id: NDArray[np.int64]
    bands: tuple[str, ...]
    unknown: NDArray[np.uint8]
    cutouts: Mapping[str, Packets] = field(default_factory=dict)


@dataclass(frozen=True)
class Schema:
    """One wire format.

    framing: "bare" (schemaless Avro), "confluent" (magic byte and schema id in front) or
    "container" (one Avro container file a message). encode(part, order) yields the packets of the
    sources `order` (i8[k], positions in histories.sources), some at a time. decode(packets,
    published) is the AlertBatch of n packets and a list of (row, reason) for those that are malformed;
    published: i8[n] us UTC. cutouts: whether its packets carry stamps; encode is then given all alerts of
    the part at once.
    """

    name: str
    framing: str
    avro: dict[str, Any]
    encode: Callable[[Part, NDArray[np.int64]], Iterator[Packets]]
    decode: Callable[[Packets, NDArray[np.int64]], tuple[AlertBatch, list[tuple[int, str]]]]
    cutouts: bool = False


def names_of(names: Sequence[str], index: NDArray[Any]) -> Ranges:
    """The texts names[index[i]] without a copy of each."""
    texts = Packets.of([name.encode() for name in names])
    return Ranges(texts.data, texts.offsets[:-1][index], texts.sizes[index])
