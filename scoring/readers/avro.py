"""brokerClassification messages in Avro: container files, tar archives, dumps with a length before each.

The four published layouts: lsst v4_1, elasticc v0_9 and v0_9_1 (decoded by a kernel), and the
records of FASTDB, which are read by field name. A dump is what ``kcat -f '%R%s'`` writes: the length
as a 4-byte big-endian integer, then the message. A file that is none of these is one bare message.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from brokerbench.errors import InputError
from scoring.readers._limits import MEMBER_BYTES, members, open_bytes
from scoring.readers._records import batch_of_records
from scoring.readers._wire import LAYOUTS, decode, decode_run, layout_of_schema, recognise
from scoring.submission import Batch, Policy

MAGIC = b"Obj\x01"
MESSAGES = 65_536
"""Messages held at a time."""


class _Avro:
    title = "Avro brokerClassification: container, tar archive or length-framed dump"
    suffixes = (".avro", ".avro.gz", ".tar", ".tar.gz", ".tgz", ".dump")

    def claims(self, path: Path, head: bytes) -> bool:
        """An Avro container, a tar archive, or a name that says Avro or dump."""
        tar = head[257:262] == b"ustar" or path.name.endswith((".tar", ".tar.gz", ".tgz"))
        return head[:4] == MAGIC or tar or path.name.endswith((".avro", ".avro.gz", ".dump"))

    def read(self, path: Path, policy: Policy) -> Iterator[Batch]:
        """The messages of a file."""
        if path.name.endswith((".tar", ".tar.gz", ".tgz")):
            yield from _archive(path, policy)
            return
        file = open_bytes(path, policy)
        head = file.read(8)
        joined = _Joined(head, file)
        if head[:4] == MAGIC:
            yield from _container(joined, str(path))
        elif path.suffix == ".dump":
            yield from _bare(_framed(joined, str(path)), str(path), policy)
        else:
            yield from _bare(iter([joined.read(MEMBER_BYTES)]), str(path), policy)


READER = _Avro()


class _Joined:
    """A file whose first bytes were read already."""

    def __init__(self, head: bytes, rest: Any) -> None:
        self._head, self._rest = head, rest

    def tell(self) -> int:
        """Bytes read so far."""
        return self._rest.tell() - len(self._head)

    def read(self, n: int = -1) -> bytes:
        """Up to n bytes."""
        if not self._head:
            return self._rest.read(n)
        if n is None or n < 0:
            got, self._head = self._head + self._rest.read(), b""
            return got
        got, self._head = self._head[:n], self._head[n:]
        return got + (self._rest.read(n - len(got)) if len(got) < n else b"")


def _archive(path: Path, policy: Policy) -> Iterator[Batch]:
    """Members one after the other; bare messages are gathered, containers are read as they are."""
    bare: list[tuple[str, bytes]] = []
    first = 0
    for name, content in members(path, policy):
        if content[:4] == MAGIC:
            yield from _container(io.BytesIO(content), f"{path}:{name}")
            continue
        bare.append((name, content))
        if len(bare) == MESSAGES:
            yield from _bare(iter([c for _, c in bare]), str(path), policy, first)
            first, bare = first + len(bare), []
    if bare:
        yield from _bare(iter([c for _, c in bare]), str(path), policy, first)


def _framed(file: Any, where: str) -> Iterator[bytes]:
    while True:
        head = file.read(4)
        if not head:
            return
        size = struct.unpack(">i", head)[0] if len(head) == 4 else -1
        if not 0 <= size <= MEMBER_BYTES:
            raise InputError(f"{where}: expected messages with a 4-byte length before each, got {size}")
        message = file.read(size)
        if len(message) < size:
            raise InputError(f"{where}: expected a message of {size} bytes at the end, got {len(message)}")
        yield message


def _bare(messages: Iterator[bytes], where: str, policy: Policy, first: int = 0) -> Iterator[Batch]:
    held: list[bytes] = []
    layout = policy.layout
    for message in messages:
        held.append(message)
        if len(held) == MESSAGES:
            layout, batch = _held(held, layout, where, first)
            yield batch
            first, held = first + len(held), []
    if held:
        yield _held(held, layout, where, first)[1]


def _held(held: list[bytes], layout: str, where: str, first: int) -> tuple[Any, Batch]:
    if layout == "auto":
        found = {name for name in map(recognise, held[:20]) if name}
        layout = sorted(found)[-1] if found else ""
    if not layout:
        raise InputError(
            f"{where}: expected Avro messages of layout {', '.join(LAYOUTS)}, got none that decodes; "
            "is it a container file, or length-framed (.dump)?"
        )
    bounds = np.concatenate([[0], np.cumsum([len(m) for m in held])]).astype(np.int64)
    blob = np.frombuffer(b"".join(held), np.uint8)
    return layout, decode(blob, bounds, LAYOUTS[layout], file=where, first=first)


def _container(file: Any, where: str) -> Iterator[Batch]:
    import fastavro

    first = 0
    try:
        blocks = fastavro.block_reader(file)
        layout = layout_of_schema(blocks.writer_schema)
        for block in blocks:
            n, content = block.num_records, block.bytes_  # type: ignore[attr-defined]
            if layout is not None:
                blob = np.frombuffer(content.read(), np.uint8)
                yield decode_run(blob, n, layout, file=where, first=first)
            else:
                yield batch_of_records(list(block), where, first, per_millisecond=True)
            first += n
    except (ValueError, EOFError, KeyError, TypeError, StopIteration, struct.error, IndexError) as error:
        raise InputError(
            f"{where}: expected a whole Avro container, got a damaged one after {first} messages ({error})"
        ) from error
