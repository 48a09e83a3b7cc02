"""ALeRCE's probability table: oid, classifier_name, classifier_version, class_name, probability, ranking.

One row a class; rows of one object and classifier belong together wherever they stand among the rows
of a batch. Names are ALeRCE's own (SNIa, SNIbc, QSO ..) or the taxonomy's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from brokerbench.errors import UnknownName
from brokerbench.taxonomy import ELASTICC2
from scoring.readers._tables import columns_of, floats, ids, is_table, tables, texts
from scoring.submission import Batch, Policy, Sender, batch_of

NEEDED = {"oid", "classifier_name", "class_name", "probability"}
NAMES = {
    "SNIa": 2222, "SNIbc": 2223, "SNII": 2224, "SNIIn": 2224, "SLSN": 2242, "TDE": 2243, "Microlensing": 2235,
    "QSO": 2332, "AGN": 2332, "Blazar": 2332, "CV/Nova": 2234, "YSO": 2331, "LPV": 2326, "EA": 2325,
    "EB/EW": 2325, "E": 2325, "DSCT": 2324, "RRLab": 2323, "RRLc": 2323, "RRL": 2323, "CEP": 2322,
    "Periodic-Other": 2321, "Transient": 2200, "Periodic": 2320, "Stochastic": 2330, "SN": 2220,
}  # fmt: skip


class _Alerce:
    title = "ALeRCE probability table: oid, classifier_name, class_name, probability"
    suffixes = (".csv", ".csv.gz", ".parquet")

    def claims(self, path: Path, head: bytes) -> bool:
        """A table with ALeRCE's columns."""
        return is_table(path) and set(columns_of(path)) >= NEEDED

    def read(self, path: Path, policy: Policy) -> Iterator[Batch]:
        """One message an object and classifier, the answer to the object's last alert."""
        versioned = "classifier_version" in columns_of(path)
        for first, rows in tables(path):
            who = [
                Sender(policy.broker or "ALeRCE", version, name, policy.params)
                for name, version in zip(
                    texts(rows, "classifier_name"),
                    texts(rows, "classifier_version") if versioned else [policy.version] * rows.num_rows,
                    strict=True,
                )
            ]
            senders = list(dict.fromkeys(who))
            index = {s: i for i, s in enumerate(senders)}
            sender = np.array([index[s] for s in who], np.int64)
            item = ids(rows, "oid")
            order = np.lexsort((np.arange(len(item)), item, sender))
            new = np.ones(len(order), bool)
            new[1:] = (np.diff(item[order]) != 0) | (np.diff(sender[order]) != 0)
            starts = np.flatnonzero(new)
            names = texts(rows, "class_name")
            table = {n: _class_of(n) for n in set(names)}
            class_id = np.array([table[n] for n in names], np.int64)[order]
            yield batch_of(
                str(path),
                first + order[starts],
                ids={"object_id": item[order][starts]},
                pairs=(
                    np.append(starts, len(order)),
                    class_id,
                    floats(rows, "probability")[order].astype("f4"),
                ),
                senders=senders,
                sender=sender[order][starts],
            )


READER = _Alerce()


def _class_of(name: str) -> int:
    """The class of ALeRCE's name, -1 for an unknown one: counted."""
    if name in NAMES:
        return NAMES[name]
    try:
        return ELASTICC2.id_of(name)
    except UnknownName:
        return -1
