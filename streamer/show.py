"""Looking into streams: packets as records, the end of a topic, packets as files."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from brokerbench.errors import InputError
from brokerbench.store import Folder, atomic_write
from streamer.codec import Ranges, compile_schema
from streamer.codec.records import records
from streamer.container import unwrap
from streamer.merge import merged
from streamer.packets import PacketFile, Packets
from streamer.schemas import SCHEMAS
from streamer.schemas.lsst import version_codec
from streamer.transports import MessageBatch, Transport

__all__ = ["export_packets", "read_records", "show_alert", "tail", "to_json"]

_POLL = 1024


def read_records(packets: Packets, schema: str) -> list[Any]:
    """Packets as records (dicts), as fastavro would read them; None for one that does not decode.

    schema: name of the wire format. UnknownName where there is none of that name.
    """
    known = SCHEMAS[schema]
    ranges = Ranges.of(packets)
    out: list[Any] = [None] * len(packets)
    if known.framing == "container":
        for header, rows, inner in unwrap(ranges)[0]:
            _fill(out, rows, inner, compile_schema(header.schema))
    elif known.framing == "confluent":
        for i, raw in enumerate(packets):
            try:
                codec = version_codec(*divmod(int.from_bytes(raw[1:5], "big"), 100))
            except InputError:
                continue
            _fill(out, np.array([i]), Ranges.of(Packets.of([raw[5:]])), codec)
    else:
        _fill(out, np.arange(len(packets)), ranges, compile_schema(known.avro))
    return out


def _fill(out: list[Any], rows: Any, inner: Ranges, codec: Any) -> None:
    decoded = codec.decode(inner)
    for i, record in zip(decoded.rows.tolist(), records(codec, decoded), strict=True):
        out[int(rows[i])] = record


def show_alert(run: Folder, alert_id: int) -> Any:
    """The record of one alert of RUN/stream. InputError where the stream has no such alert."""
    stream = Folder.open(run.path / "stream", kind="stream")
    for part in stream.parts:
        file = PacketFile(stream.path / "packets" / f"{part}.packets")
        for start in range(0, len(file), 1 << 16):
            index = file.index(start, min(len(file), start + (1 << 16)))
            found = np.flatnonzero(index["alert_id"] == alert_id)
            if len(found):
                row = start + int(found[0])
                return read_records(file.read(row, row + 1), stream.manifest["schema"])[0]
    raise InputError(
        f"{stream.path}: expected the id of an alert in it, got {alert_id}; see alerts/*.parquet"
    )


def tail(transport: Transport, topic: str, count: int) -> MessageBatch:
    """The last `count` messages that a topic holds now; memory holds no more than twice as many."""
    if topic not in transport.topics():
        raise InputError(f"{topic}: expected a topic, got none of that name")
    consumer = transport.consumer(topic)
    last = MessageBatch.empty(topic)
    try:
        while True:
            batch = consumer.poll(_POLL, 0.05)
            if len(batch):
                last = _last(last, batch, count)
            elif consumer.drained():
                return last
    finally:
        consumer.close()


def _last(before: MessageBatch, batch: MessageBatch, count: int) -> MessageBatch:
    values = Packets.concat([before.values, batch.values])
    start = max(0, len(values) - count)
    names = ("partition", "offset", "timestamp", "sequence")
    arrays = {n: np.concatenate([getattr(before, n), getattr(batch, n)])[start:] for n in names}
    kept = values.take(np.arange(start, len(values)))
    return MessageBatch(batch.topic, kept, **arrays)


def export_packets(run: Folder, folder: str | Path, *, form: str = "avro", limit: int | None = None) -> int:
    """Number of alerts of RUN/stream written to a folder, a file each, named after their ids.

    Those sent first come first, up to the limit. form: "avro" for the packets as they are sent, "json" for
    their records. Files that are there stay.
    InputError for another form.
    """
    if form not in ("avro", "json"):
        raise InputError(f"export: expected the form avro or json, got {form!r}")
    count = 0
    for name, packet, schema in _packets(run):
        if limit is not None and count >= limit:
            break
        path = Path(folder) / f"{name}.{form}"
        if not path.exists():
            text = (
                packet if form == "avro" else to_json(read_records(Packets.of([packet]), schema)[0]).encode()
            )
            with atomic_write(path) as file:
                file.write(text)
        count += 1
    return count


def _packets(run: Folder) -> Iterator[tuple[str, bytes, str]]:
    """In the order of sending: in that of the parts the times of the files would tell the class."""
    stream = Folder.open(run.path / "stream", kind="stream")
    files = [PacketFile(stream.path / "packets" / f"{part}.packets") for part in stream.parts]
    for burst in merged(files):
        ids = zip(burst.object_id.tolist(), burst.alert_id.tolist(), burst.packets, strict=True)
        for object_id, alert_id, packet in ids:
            yield f"{object_id}_{alert_id}", packet, stream.manifest["schema"]


def to_json(record: Any) -> str:
    """A record as JSON; bytes in base64, NaN and infinities as text."""
    return json.dumps(_plain(record), indent=1, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value
