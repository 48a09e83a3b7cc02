"""Answers as broker teams send them, before they are joined to a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Protocol

import numpy as np
from msgspec import Meta, field
from numpy.typing import NDArray

from brokerbench.config import Config
from brokerbench.tables import NO_TIME

__all__ = ["NO_ID", "POLICY", "Batch", "Columns", "Policy", "Reader", "Sender", "batch_of"]

NO_ID = -1
"""An id that the format does not carry."""

POLICY = "policy.toml"
"""File in the folder of a submission that holds its Policy."""

NO_SENDER = ("", "", "", "")


class Columns(Config, frozen=True):
    """Names of the columns of a table that declares none: Parquet or CSV, long or wide."""

    alert_id: str = ""
    source_id: str = ""
    object_id: str = ""
    published: str = ""
    class_id: str = ""  # long: one row a class
    class_name: str = ""
    probability: str = ""
    probabilities: dict[str, int] = field(default_factory=dict)  # wide: column -> class id


class Policy(Config, frozen=True):
    """What decides the doubtful cases of a submission. Written into the answers' manifest.

    taxonomy: the ids that the submission speaks. duplicates: which of several answers to one alert
    counts. join: the id that leads to the alert; "auto" the first that the format carries of alert,
    source, object; "object" answers an object's last alert. time_unit: of the column of times in a
    table.
    percent: probabilities are divided by 100. layout: of Avro messages without a schema; "auto" the
    first that decodes. sender: broker, version, classifier and parameters where a format names none.
    scope: class ids, of that taxonomy, that the classifiers of the submission claim to tell apart, all
    else being rest (scoring.scope); scopes: of single classifiers, by name.
    """

    taxonomy: Literal["elasticc2", "elasticc1", "plasticc"] = "elasticc2"
    duplicates: Literal["first", "last", "reject"] = "first"
    join: Literal["auto", "alert", "source", "object"] = "auto"
    time_unit: Literal["us", "ms", "s", "mjd"] = "us"
    percent: bool = False
    layout: Literal["auto", "v4_1", "v0_9", "v0_9_1"] = "auto"
    columns: Columns = field(default_factory=Columns)
    broker: str = ""
    version: str = ""
    classifier: str = ""
    params: str = ""
    scope: list[int] = field(default_factory=list)
    scopes: dict[str, list[int]] = field(default_factory=dict)
    max_gib: Annotated[float, Meta(gt=0)] = 64.0  # of decompressed input


@dataclass(frozen=True)
class Sender:
    """Who answers: the four names that make a classifier."""

    broker: str
    version: str
    classifier: str
    params: str


@dataclass(frozen=True)
class Batch:
    """m messages, each the answer of one classifier; message i owns pairs offsets[i]:offsets[i + 1].

    position: number of the message in `file`, from 0. Ids are NO_ID where the format has none.
    Times are epoch us UTC by the format's own unit, NaN for none: published, of the answer, as the
    sender says; claimed, of the alert, and ingested, as the payload claims. malformed: position and
    reason of what could not be read.
    """

    file: str
    position: NDArray[np.int64]
    alert_id: NDArray[np.int64]
    source_id: NDArray[np.int64]
    object_id: NDArray[np.int64]
    published: NDArray[np.float64]
    claimed: NDArray[np.float64]
    ingested: NDArray[np.float64]
    senders: tuple[Sender, ...]
    sender: NDArray[np.int64]
    offsets: NDArray[np.int64]
    class_id: NDArray[np.int64]
    probability: NDArray[np.float32]
    malformed: tuple[tuple[int, str], ...] = ()

    def __len__(self) -> int:
        return len(self.position)


class Reader(Protocol):
    """A format of submissions; a file in scoring/readers binds one to READER.

    title: what it is. suffixes: file names that it may have. claims: whether the first bytes of a
    file are of this format. read: the messages, a bounded number at a time.
    """

    title: str
    suffixes: tuple[str, ...]

    def claims(self, path: Path, head: bytes) -> bool:
        """Whether the file is of this format, by its name and first 4,096 bytes."""
        ...

    def read(self, path: Path, policy: Policy) -> Iterator[Batch]:
        """The messages of a file. InputError where it cannot be read at all."""
        ...


def batch_of(
    file: str,
    position: NDArray[np.int64],
    *,
    ids: Mapping[str, NDArray[np.int64]],
    pairs: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]],
    senders: Sequence[Sender] = (),
    sender: NDArray[np.int64] | None = None,
    times: Mapping[str, NDArray[np.float64]] | None = None,
    malformed: Sequence[tuple[int, str]] = (),
) -> Batch:
    """A batch in which what is not given is absent. pairs: offsets, class ids, probabilities."""
    m = len(position)
    none = np.full(m, NO_ID, np.int64)
    unknown = np.full(m, np.nan)
    times = times or {}
    return Batch(
        file=file,
        position=position.astype(np.int64),
        alert_id=ids.get("alert_id", none).astype(np.int64),
        source_id=ids.get("source_id", none).astype(np.int64),
        object_id=ids.get("object_id", none).astype(np.int64),
        published=times.get("published", unknown),
        claimed=times.get("claimed", unknown),
        ingested=times.get("ingested", unknown),
        senders=tuple(senders) or (Sender(*NO_SENDER),),
        sender=np.zeros(m, np.int64) if sender is None else sender,
        offsets=pairs[0].astype(np.int64),
        class_id=pairs[1].astype(np.int64),
        probability=pairs[2].astype(np.float32),
        malformed=tuple(malformed),
    )


def to_micros(values: NDArray[np.float64], unit: str) -> NDArray[np.int64]:
    """Times in us UTC, i8[n], NO_TIME where NaN. MJD is taken as UTC days."""
    known = np.isfinite(values)
    scale = {"us": 1.0, "ms": 1e3, "s": 1e6, "mjd": 86_400e6}[unit]
    zero = 40_587.0 if unit == "mjd" else 0.0
    out = np.full(len(values), NO_TIME, np.int64)
    out[known] = np.round((values[known] - zero) * scale).astype(np.int64)
    return out
