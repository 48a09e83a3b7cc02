"""The wide table of the PLAsTiCC challenge on Kaggle: object_id and a column class_N for each target.

Rows need not sum to 1: scoring with `normalise = "rescale"` divides them. Targets become ELAsTiCC2
classes under the policy's taxonomy "plasticc".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from scoring.readers._tables import columns_of, floats, ids, is_table, tables
from scoring.submission import Batch, Policy, Sender, batch_of

COLUMN = re.compile(r"class_(\d+)$")


class _Wide:
    title = "PLAsTiCC wide table: object_id, class_6, class_15, ..."
    suffixes = (".csv", ".csv.gz", ".parquet")

    def claims(self, path: Path, head: bytes) -> bool:
        """A table with object_id and at least two columns class_N."""
        if not is_table(path):
            return False
        names = columns_of(path)
        return "object_id" in names and sum(bool(COLUMN.match(n)) for n in names) >= 2

    def read(self, path: Path, policy: Policy) -> Iterator[Batch]:
        """One message a row, the answer to the object's last alert."""
        wide = {n: int(m[1]) for n in columns_of(path) if (m := COLUMN.match(n))}
        sender = Sender(
            policy.broker, policy.version, policy.classifier or path.name.split(".")[0], policy.params
        )
        classes = np.array(list(wide.values()), np.int64)
        for first, rows in tables(path, ["object_id", *wide] if path.suffix == ".parquet" else None):
            n = rows.num_rows
            probability = np.stack([floats(rows, name) for name in wide], 1)
            yield batch_of(
                str(path),
                first + np.arange(n),
                ids={"object_id": ids(rows, "object_id")},
                pairs=(np.arange(n + 1) * len(wide), np.tile(classes, n), probability.ravel().astype("f4")),
                senders=(sender,),
            )


READER = _Wide()
