"""Fink's scores beside its alerts: Parquet with the columns of its science modules.

Each module is a classifier of its own: `snn_snia_vs_nonia` (Ia), `snn_sn_vs_all` and Rubin's
`snnSnVsOthers_score` (SN-like), `rf_snia_vs_nonia` and `earlySNIa_score` (Ia), `rf_agn_vs_nonagn`
(AGN), `cats_broad_array_prob` (SN-like, Fast, Long, Periodic, Non-Periodic). A score of one class
leaves the rest of the probability unsaid. NaN and null are "not processed": no message.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from brokerbench.errors import InputError
from scoring.readers._tables import columns_of, floats, ids, tables
from scoring.submission import Batch, Policy, Sender, batch_of

MODULES: dict[str, tuple[int, ...]] = {
    "snn_snia_vs_nonia": (2222,),
    "rf_snia_vs_nonia": (2222,),
    "earlySNIa_score": (2222,),
    "snn_sn_vs_all": (2220,),
    "snnSnVsOthers_score": (2220,),
    "rf_agn_vs_nonagn": (2332,),
    "cats_broad_array_prob": (2220, 2230, 2240, 2320, 2330),
}
ALERT_IDS = ("alertId", "candid", "diaSourceId")
OBJECT_IDS = ("diaObjectId", "objectId")


class _Fink:
    title = "Fink alerts with the columns of its science modules"
    suffixes = (".parquet",)

    def claims(self, path: Path, head: bytes) -> bool:
        """A Parquet file with a column of a module."""
        return path.suffix == ".parquet" and bool(set(MODULES) & set(columns_of(path)))

    def read(self, path: Path, policy: Policy) -> Iterator[Batch]:
        """One message a row and module."""
        names = columns_of(path)
        modules = [m for m in MODULES if m in names]
        alert = next((n for n in ALERT_IDS if n in names), "")
        item = next((n for n in OBJECT_IDS if n in names), "")
        if not modules or not (alert or item):
            raise InputError(
                f"{path}: expected a module of Fink ({', '.join(MODULES)}) and alertId, candid or "
                f"diaObjectId, got {', '.join(names[:8])}"
            )
        for first, rows in tables(path, [n for n in (*modules, alert, item) if n]):
            for module in modules:
                yield _module(path, first, rows, policy, module=module, keys=(alert, item))


READER = _Fink()


def _module(
    path: Path, first: int, rows: pa.RecordBatch, policy: Policy, *, module: str, keys: tuple[str, str]
) -> Batch:
    classes = MODULES[module]
    if len(classes) == 1:
        values = floats(rows, module)[:, None]
    else:
        column = rows.column(rows.schema.get_field_index(module)).to_pylist()
        none = [np.nan] * len(classes)
        values = np.array([v if v is not None and len(v) == len(classes) else none for v in column], float)
        values = values.reshape(-1, len(classes))
    kept = np.flatnonzero(np.isfinite(values).any(1) & (values >= 0).any(1))
    given = {
        name: ids(rows, key)[kept] for name, key in zip(("alert_id", "object_id"), keys, strict=True) if key
    }
    return batch_of(
        str(path),
        first + kept,
        ids=given,
        pairs=(
            np.arange(len(kept) + 1) * len(classes),
            np.tile(np.array(classes, np.int64), len(kept)),
            values[kept].ravel().astype("f4"),
        ),
        senders=(Sender(policy.broker or "Fink", policy.version, module, policy.params),),
    )
