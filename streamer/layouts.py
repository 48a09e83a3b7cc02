"""The layouts in which brokers publish answers.

Four are in use: lsst v4_1 (2022; its first form, which DESC's TOM took, has ids as text), elasticc v0_9 and
v0_9_1 (ELAsTiCC 1 and 2), and fastdb, which echoes a Rubin alert. None says which it is: a message is of a
layout if it decodes to its last byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from brokerbench.errors import InputError
from streamer.codec import Codec, compile_schema
from streamer.schemas.elasticc_v0_9_1.mapping import CLASSIFICATION
from streamer.schemas.lsst import version_codec

__all__ = ["LAYOUTS", "NAMES", "Layout", "codec_of", "known_layouts"]

NAMES = ("broker", "version", "classifier", "params")


def _record(name: str, fields: list[tuple[str, Any]]) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": n, "type": t} for n, t in fields]}


def _list(*fields: tuple[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": _record("classificationDict", list(fields))}


_PAIR = (("classId", "int"), ("probability", "float"))
_TIMES = [("elasticcPublishTimestamp", "long"), ("brokerIngestTimestamp", ["null", "long"])]


@dataclass(frozen=True)
class Layout:
    """One layout: its schema, and the fields that hold ids and names.

    names: path of broker, version, classifier, params; "" for what the layout does not have. Those of
    an item of `classifications` begin with "[].".
    """

    schema: Any
    alert_id: str
    source_id: str
    names: Mapping[str, str]
    v1_ids: bool = False  # the class ids are of ELAsTiCC 1

    @property
    def timed(self) -> bool:
        """Whether the payload claims times."""
        return any(f["name"] == "elasticcPublishTimestamp" for f in self.schema["fields"])

    def want(self) -> frozenset[str]:
        """The columns to decode."""
        names = {n.replace("[].", "classifications[].") for n in self.names.values() if n}
        times = {"elasticcPublishTimestamp", "brokerIngestTimestamp", "brokerIngestTimestamp?"}
        pairs = {"classifications#", "classifications[].classId", "classifications[].probability"}
        return frozenset({self.alert_id, self.source_id} | names | pairs | (times if self.timed else set()))


_FLAT = {
    "broker": "brokerName",
    "version": "brokerVersion",
    "classifier": "classifierName",
    "params": "classifierParams",
}
_V0_9 = _record(
    "brokerClassfication",
    [
        ("alertId", "long"),
        ("diaSourceId", "long"),
        *_TIMES,
        ("brokerName", "string"),
        ("brokerVersion", "string"),
        ("classifications", _list(("classifierName", "string"), ("classifierParams", "string"), *_PAIR)),
    ],
)
_V4_1 = _record(
    "brokerClassfication",
    [
        ("alertId", "long"),
        ("diaObjectId", "long"),
        *_TIMES,
        ("classifications", _list(("classifierName", "string"), *_PAIR)),
    ],
)
_V4_1_TEXT = _record(
    "brokerClassfication",
    [
        ("alertId", "long"),
        ("diaObjectId", "string"),
        (
            "classifications",
            _list(("classifierName", "string"), ("classId", "string"), ("probability", "float")),
        ),
    ],
)


def _fastdb(major: int, minor: int) -> Layout:
    """Rubin's alert with names and classifications behind it; the alert's id is its source's."""
    alert = version_codec(major, minor).schema
    names = [(n, "string") for n in ("brokerName", "classifierName", "classifierVersion")]
    extra = _record("extra", [*names, ("classifications", _list(*_PAIR))])["fields"]
    schema = {**alert, "fields": [*alert["fields"], *extra]}
    of = {
        "broker": "brokerName",
        "version": "classifierVersion",
        "classifier": "classifierName",
        "params": "",
    }
    return Layout(schema, "diaSourceId", "diaSource.diaSourceId", of)


LAYOUTS: dict[str, Layout] = {
    "elasticc_v0_9_1": Layout(CLASSIFICATION, "alertId", "diaSourceId", _FLAT),
    "elasticc_v0_9": Layout(
        _V0_9,
        "alertId",
        "diaSourceId",
        _FLAT | {"classifier": "[].classifierName", "params": "[].classifierParams"},
        v1_ids=True,
    ),
    "lsst_v4_1": Layout(
        _V4_1,
        "alertId",
        "alertId",
        {"broker": "", "version": "", "classifier": "[].classifierName", "params": ""},
        v1_ids=True,
    ),
    "lsst_v4_1_text": Layout(
        _V4_1_TEXT,
        "alertId",
        "alertId",
        {"broker": "", "version": "", "classifier": "[].classifierName", "params": ""},
        v1_ids=True,
    ),
}
_RUBIN = {"fastdb_v10_0": (10, 0), "fastdb_v11_0": (11, 0), "fastdb_v11_1": (11, 1)}


@lru_cache(maxsize=1)
def known_layouts() -> dict[str, Layout]:
    """The layouts by name, in the order of trying; FASTDB's where Rubin's schemas are installed."""
    found = dict(LAYOUTS)
    for name, (major, minor) in _RUBIN.items():
        try:
            found[name] = _fastdb(major, minor)
        except InputError:
            continue
    return found


@lru_cache(maxsize=16)
def codec_of(name: str) -> Codec:
    """The codec of a layout."""
    return compile_schema(known_layouts()[name].schema)
