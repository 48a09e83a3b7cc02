"""Parquet or CSV with columns that the policy names, long (a row a class) or wide (a column a class).

`columns` in the policy says which is which, e.g. for a wide table

    [columns]
    alert_id = "candid"
    probabilities = { p_snia = 2222, p_snii = 2224 }

Rows of a long table that belong together follow each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from brokerbench.errors import ConfigError, UnknownName
from brokerbench.taxonomy import ELASTICC2
from scoring.readers._tables import columns_of, floats, ids, is_table, need, tables, texts
from scoring.submission import Batch, Policy, Sender, batch_of, to_micros

IDS = ("alert_id", "source_id", "object_id")


class _Table:
    title = "Parquet or CSV, long or wide, with declared column names"
    suffixes = (".parquet", ".csv", ".csv.gz")

    def claims(self, path: Path, head: bytes) -> bool:
        """Never by itself: the policy must name the columns."""
        return False

    def read(self, path: Path, policy: Policy) -> Iterator[Batch]:
        """One message a row (wide) or a run of rows with equal ids (long)."""
        if not is_table(path):
            raise ConfigError(f"{path}: expected a Parquet or CSV table, got {path.suffix or 'no suffix'!r}")
        names, columns = columns_of(path), policy.columns
        given = {k: need(path, names, getattr(columns, k), k) for k in IDS if getattr(columns, k)}
        if not given:
            raise ConfigError(f"{path}: expected columns.alert_id, source_id or object_id, got none")
        sender = Sender(
            policy.broker, policy.version, policy.classifier or path.name.split(".")[0], policy.params
        )
        for column in columns.probabilities:
            need(path, names, column, "probabilities")
        long = bool(columns.probability)
        if long == bool(columns.probabilities):
            raise ConfigError(f"{path}: expected columns.probability (long) or columns.probabilities (wide)")
        if long:
            need(path, names, columns.probability, "probability")
            need(path, names, columns.class_id or columns.class_name, "class_id")
        held: pa.RecordBatch | None = None
        for first, rows in tables(path):
            if not long:
                yield _wide(path, first, rows, policy, given, sender)
                continue
            start = first - (held.num_rows if held is not None else 0)
            joined = rows if held is None else pa.concat_batches([held, rows])
            whole = _last_boundary(joined, given)
            if whole:
                yield _long(path, start, joined.slice(0, whole), policy, given, sender)
            held = joined.slice(whole)
            held_at = start + whole
        if held is not None and held.num_rows:
            yield _long(path, held_at, held, policy, given, sender)


READER = _Table()


def _times(rows: pa.RecordBatch, policy: Policy) -> dict[str, NDArray[np.float64]]:
    if not policy.columns.published:
        return {}
    value = floats(rows, policy.columns.published)
    micros = to_micros(value, policy.time_unit).astype(float)
    return {"published": np.where(np.isfinite(value), micros, np.nan)}


def _wide(
    path: Path, first: int, rows: pa.RecordBatch, policy: Policy, given: dict[str, str], sender: Sender
) -> Batch:
    wide = policy.columns.probabilities
    n = rows.num_rows
    probability = np.stack([floats(rows, name) for name in wide], 1)
    return batch_of(
        str(path),
        first + np.arange(n),
        ids={k: ids(rows, v) for k, v in given.items()},
        pairs=(
            np.arange(n + 1) * len(wide),
            np.tile(np.array(list(wide.values()), np.int64), n),
            probability.ravel().astype("f4"),
        ),
        senders=(sender,),
        times=_times(rows, policy),
    )


def _keys(rows: pa.RecordBatch, given: dict[str, str]) -> NDArray[np.int64]:
    return np.stack([ids(rows, v) for v in given.values()], 1)


def _starts(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    new = np.ones(len(keys), bool)
    new[1:] = (keys[1:] != keys[:-1]).any(1)
    return np.flatnonzero(new)


def _last_boundary(rows: pa.RecordBatch, given: dict[str, str]) -> int:
    """Rows before the last message, which may go on in the next batch."""
    starts = _starts(_keys(rows, given))
    return int(starts[-1]) if len(starts) else 0


def _long(
    path: Path, first: int, rows: pa.RecordBatch, policy: Policy, given: dict[str, str], sender: Sender
) -> Batch:
    starts = _starts(_keys(rows, given))
    times = {k: v[starts] for k, v in _times(rows, policy).items()}
    return batch_of(
        str(path),
        first + starts,
        ids={k: ids(rows, v)[starts] for k, v in given.items()},
        pairs=(
            np.append(starts, rows.num_rows),
            _classes(rows, policy),
            floats(rows, policy.columns.probability).astype("f4"),
        ),
        senders=(sender,),
        times=times,
    )


def _classes(rows: pa.RecordBatch, policy: Policy) -> NDArray[np.int64]:
    if policy.columns.class_id:
        return ids(rows, policy.columns.class_id)
    names = texts(rows, policy.columns.class_name)
    table = {name: _named(name) for name in set(names)}
    return np.array([table[n] for n in names], np.int64)


def _named(name: str) -> int:
    """The class of a name, -1 for one that the taxonomy does not have: counted as unknown."""
    try:
        return ELASTICC2.id_of(name)
    except UnknownName:
        return -1
