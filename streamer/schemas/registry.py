"""The registry of wire formats, and how a folder of .avsc files is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fastavro

from brokerbench.errors import InputError
from brokerbench.registry import Registry

__all__ = ["SCHEMAS", "load_avsc", "schema_of"]

_NEEDS = ("name", "framing", "avro", "encode", "decode")
SCHEMAS = Registry("streamer.schemas", "SCHEMA", needs=_NEEDS, skip=("batch", "lsst", "schema", "registry"))


def schema_of(packet: bytes, usual: str = "elasticc_v0_9_1") -> str:
    """The wire format that a packet has by its first bytes.

    usual: the one to take where its framing is the packet's and nothing tells more; bare Avro has no mark.
    """
    if packet.startswith(b"Obj\x01"):
        framing = "container"
    elif packet.startswith(b"\0") and len(packet) > 5:
        major, minor = divmod(int.from_bytes(packet[1:5], "big"), 100)
        if f"lsst_v{major}_{minor}" in SCHEMAS:
            return f"lsst_v{major}_{minor}"
        return usual
    else:
        framing = "bare"
    if SCHEMAS[usual].framing == framing:
        return usual
    return next((name for name in SCHEMAS if SCHEMAS[name].framing == framing), usual)


def load_avsc(path: str | Path) -> dict[str, Any]:
    """The Avro schema in a .avsc file, parsed; named types are looked up in files beside it.

    A type NAME lies in NAME.avsc. InputError where a file is missing or is no schema.
    """
    file = Path(path)
    try:
        schema = fastavro.schema.load_schema(str(file))
    except Exception as error:  # of fastavro, which raises several trees of its own
        reason = f"{type(error).__name__} ({str(error).splitlines()[0] if str(error) else 'no reason given'})"
        raise InputError(f"{file}: expected an Avro schema, got {reason}; check the file") from error
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise InputError(f"{file}: expected the schema of a record, got another type; check the file")
    return schema
