"""Submissions in every format, made from the answers of a synthetic run."""

from __future__ import annotations

import io
import json
import struct
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pandas as pd

from brokerbench.store import Folder
from brokerbench.tables import Ledger

CLASSES = (2222, 2224, 2323, 2332)
TIME_MS = 1_700_000_123_456


@dataclass
class Message:
    """One answer as a team has it before it becomes bytes."""

    alert_id: int
    object_id: int
    pairs: list[tuple[int, float]]
    classifier: str = "mine"
    extra: dict[str, Any] = field(default_factory=dict)


def messages(run: Folder, *, seed: int = 5, every: int = 1) -> list[Message]:
    """An answer to every n-th alert of a run, in random order; probabilities are float32."""
    rng = np.random.default_rng(seed)
    ledger = Folder(run.path / "ledger")
    rows = Ledger.concat([ledger.read("ledger", p, Ledger) for p in ledger.parts])
    order = rng.permutation(len(rows))[::every]
    p = rng.dirichlet(np.ones(len(CLASSES)), len(order)).astype("f4")
    return [
        Message(int(rows.alert_id[i]), int(rows.object_id[i]), list(zip(CLASSES, p[k].tolist(), strict=True)))
        for k, i in enumerate(order)
    ]


def _record(name: str, fields: list[tuple[str, Any]]) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": n, "type": t} for n, t in fields]}


def _array(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


def _stamp(unit: str) -> dict[str, str]:
    return {"type": "long", "logicalType": f"timestamp-{unit}"}


_PAIR = [("classId", "int"), ("probability", "float")]
_NAMES = ("classifierName", "classifierParams")
SCHEMAS = {
    "v0_9_1": _record(
        "brokerClassfication",
        [
            ("alertId", "long"), ("diaSourceId", "long"), ("elasticcPublishTimestamp", _stamp("millis")),
            ("brokerIngestTimestamp", ["null", _stamp("millis")]), ("brokerName", "string"),
            ("brokerVersion", "string"), ("classifierName", "string"), ("classifierParams", "string"),
            ("classifications", _array(_record("item", _PAIR))),
        ],
    ),
    "v0_9": _record(
        "brokerClassfication",
        [
            ("alertId", "long"), ("diaSourceId", "long"), ("elasticcPublishTimestamp", _stamp("millis")),
            ("brokerIngestTimestamp", ["null", _stamp("millis")]), ("brokerName", "string"),
            ("brokerVersion", "string"),
            (
                "classifications",
                _array(_record("item", [*((n, "string") for n in _NAMES), *_PAIR])),
            ),
        ],
    ),
    "v4_1": _record(
        "brokerClassfication",
        [
            ("alertId", "long"), ("diaObjectId", "long"), ("elasticcPublishTimestamp", _stamp("micros")),
            ("brokerIngestTimestamp", ["null", _stamp("micros")]),
            ("classifications", _array(_record("item", [("classifierName", "string"), *_PAIR]))),
        ],
    ),
    "fastdb": _record(
        "BrokerMessage",
        [
            ("brokerName", "string"), ("classifierName", "string"), ("classifierVersion", "string"),
            ("diaSource", _record("src", [("diaSourceId", "long"), ("diaObjectId", ["null", "long"])])),
            ("classifications", _array(_record("item", _PAIR))),
        ],
    ),
}  # fmt: skip


def record(message: Message, layout: str) -> dict[str, Any]:
    """A message as the record of a layout."""
    named = {"classifierName": message.classifier, "classifierParams": "k=1"}
    bare = [{"classId": c, "probability": p} for c, p in message.pairs]
    stamp = TIME_MS * (1000 if layout == "v4_1" else 1)
    common = {
        "alertId": message.alert_id, "diaSourceId": message.alert_id, "diaObjectId": message.object_id,
        "elasticcPublishTimestamp": stamp, "brokerIngestTimestamp": None if message.alert_id % 2 else stamp,
        "brokerName": "Team", "brokerVersion": "7", "classifierVersion": "7", **named,
        "diaSource": {"diaSourceId": message.alert_id, "diaObjectId": message.object_id},
    }  # fmt: skip
    items = [{**named, **b} for b in bare] if layout in ("v0_9", "v4_1") else bare
    return {**common, "classifications": items, **message.extra}


def encode(message: Message, layout: str) -> bytes:
    """A message as bare Avro bytes."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, SCHEMAS[layout], record(message, layout))
    return out.getvalue()


def container(path: Path, given: list[Message], layout: str) -> Path:
    """An Avro container file."""
    with open(path, "wb") as file:
        records = [record(m, layout) for m in given]
        fastavro.writer(file, SCHEMAS[layout], records, codec="deflate", sync_interval=2000)
    return path


def archive(path: Path, given: list[Message], layout: str) -> Path:
    """A tar archive of bare messages."""
    with tarfile.open(path, "w:gz") as tar:
        for i, message in enumerate(given):
            content = encode(message, layout)
            info = tarfile.TarInfo(f"{i:06d}.avro")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def dump(path: Path, given: list[Message], layout: str) -> Path:
    """Messages with a 4-byte length before each."""
    path.write_bytes(b"".join(struct.pack(">i", len(b)) + b for b in (encode(m, layout) for m in given)))
    return path


def json_lines(path: Path, given: list[Message]) -> Path:
    """A JSON object a line."""
    path.write_text("".join(json.dumps(record(m, "v0_9_1")) + "\n" for m in given))
    return path


def rest(path: Path, given: list[Message]) -> Path:
    """The body of one PUT: a list of objects."""
    path.write_text(json.dumps([record(m, "v0_9_1") for m in given]))
    return path


def wide(path: Path, given: list[Message]) -> Path:
    """A Parquet table with a column a class."""
    table = pd.DataFrame([{"candid": m.alert_id, **{f"p{c}": p for c, p in m.pairs}} for m in given])
    table.to_parquet(path)
    return path


def long(path: Path, given: list[Message]) -> Path:
    """A CSV table with a row a class."""
    rows = [{"candid": m.alert_id, "class": c, "p": repr(p)} for m in given for c, p in m.pairs]
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


Maker = Callable[[Path, list[Message]], Path]
WIDE = (
    'join = "alert"\n[columns]\nalert_id = "candid"\n'
    "probabilities = {p2222 = 2222, p2224 = 2224, p2323 = 2323, p2332 = 2332}"
)
LONG = '[columns]\nalert_id = "candid"\nclass_id = "class"\nprobability = "p"'


def formats() -> Iterator[tuple[str, str, Maker, str]]:
    """Name, file name, maker and policy (TOML) of every format that answers single alerts."""
    for layout in ("v0_9_1", "v0_9", "v4_1"):
        yield f"container {layout}", "s.avro", lambda p, g, k=layout: container(p, g, k), ""
        yield f"archive {layout}", "s.tar.gz", lambda p, g, k=layout: archive(p, g, k), ""
        yield f"dump {layout}", "s.dump", lambda p, g, k=layout: dump(p, g, k), ""
    yield "container fastdb", "s.avro", lambda p, g: container(p, g, "fastdb"), ""
    yield "json lines", "s.jsonl", json_lines, ""
    yield "rest body", "s.json", rest, ""
    yield "wide table", "s.parquet", wide, WIDE
    yield "long table", "s.csv", long, LONG
