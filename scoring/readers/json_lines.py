"""JSON lines, or a REST body: one object or a list of brokerClassification objects.

The keys are those of the Avro messages; times in epoch milliseconds as `elasticc2/brokermessage`
takes them, brokerPublishTimestamp where it was sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from brokerbench.errors import InputError
from scoring.readers._limits import MEMBER_BYTES, open_bytes
from scoring.readers._records import batch_of_records
from scoring.submission import Batch, Policy

LINES = 20_000


class _JsonLines:
    title = "JSON lines or a REST body of brokerClassification objects"
    suffixes = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz")

    def claims(self, path: Path, head: bytes) -> bool:
        """A name that says JSON, or a first character that does."""
        return path.name.endswith(self.suffixes) or head.lstrip()[:1] in (b"{", b"[")

    def read(self, path: Path, policy: Policy) -> Iterator[Batch]:
        """The messages: a line each, or all of a list that is the whole file."""
        file = open_bytes(path, policy)
        first = file.readline()
        if first.lstrip()[:1] == b"[" or (first.strip() and _value(first)[1] and first.strip() == b"{"):
            body, wrong = _value(first + file.read(MEMBER_BYTES))
            if wrong:
                raise InputError(f"{path}: expected JSON, got {wrong}")
            records = body if isinstance(body, list) else [body]
            for start in range(0, len(records), LINES):
                held = records[start : start + LINES]
                yield batch_of_records(held, str(path), start, per_millisecond=True)
            return
        start, held, broken = 0, [], []
        line = first
        while line:
            if line.strip():
                value, wrong = _value(line)
                if wrong:
                    broken.append((start + len(held), f"expected JSON, got {wrong}"))
                held.append(value)
            if len(held) == LINES:
                yield batch_of_records(held, str(path), start, per_millisecond=True, broken=broken)
                start, held, broken = start + len(held), [], []
            line = file.readline()
        if held:
            yield batch_of_records(held, str(path), start, per_millisecond=True, broken=broken)


READER = _JsonLines()


def _value(text: bytes) -> tuple[Any, str]:
    """The value, and what is wrong with it."""
    try:
        return json.loads(text), ""
    except (ValueError, RecursionError) as error:
        return None, str(error).splitlines()[0][:200]
