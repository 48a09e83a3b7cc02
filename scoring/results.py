"""Scores for a notebook: values by name, tables for pandas and astropy, a leaderboard to look at."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from brokerbench.errors import UnknownName, did_you_mean
from brokerbench.store import Folder, read_table
from brokerbench.tables import Confusion, Scores, columns
from scoring.axes import find_point
from scoring.leaderboard import leaderboard, load_scores, scored_points

if TYPE_CHECKING:
    import pandas as pd
    from astropy.table import Table as AstropyTable

__all__ = ["Results", "Value"]


@dataclass(frozen=True)
class Value:
    """One score: value, ends of its interval (NaN for none), objects, and why it is undefined."""

    value: float
    low: float
    high: float
    n: int
    missing: str


@dataclass(frozen=True)
class Results:
    """The scores of a run, ``Results.open("RUN/scores")``."""

    folder: Folder

    @classmethod
    def open(cls, path: str | Path) -> Results:
        """The scores in a folder, or in the folder `scores` of a run."""
        inside = Path(path) / "scores"
        return cls(Folder.open(inside if inside.is_dir() else path, kind="scores"))

    @property
    def table(self) -> Scores:
        """Every score."""
        return load_scores(self.folder)[0]

    @property
    def about(self) -> dict[str, Any]:
        """What scores.json says: run, policies, classifiers, books, latencies."""
        return load_scores(self.folder)[1]

    def value(
        self, metric: str, classifier: str, *, at: str = "last", class_id: int = -1, subset: str = "all"
    ) -> Value:
        """One score. UnknownName, with what is near, where it was not made."""
        table, about = load_scores(self.folder)
        labels = [c["label"] for c in about["classifiers"]]
        for name, known in ((metric, about["metrics"]), (classifier, labels)):
            if name not in known:
                raise UnknownName(
                    f"results: expected one that was scored, got {name!r}; {did_you_mean(name, known)}"
                )
        point = find_point(at, scored_points(about))
        position = np.isnan(table.at) if np.isnan(point.at) else table.at == point.at
        rows = (table.metric == metric) & (table.classifier == classifier) & (table.axis == point.axis)
        found = np.flatnonzero(rows & position & (table.class_id == class_id) & (table.slice == subset))
        if len(found) != 1:
            raise UnknownName(
                f"results: expected a score of {metric} at {at} for class {class_id} and subset {subset!r}, "
                f"got {len(found)}; classes: {', '.join(map(str, about['classes']))}"
            )
        i = int(found[0])
        value, low, high = (float(getattr(table, k)[i]) for k in ("value", "low", "high"))
        return Value(value, low, high, int(table.n[i]), str(table.missing[i]))

    def to_pandas(self) -> pd.DataFrame:
        """Every score, one row each."""
        import pandas as pd

        return pd.DataFrame(self.table.as_dict())

    def to_astropy(self) -> AstropyTable:
        """Every score, one row each, units and descriptions of columns with it."""
        from astropy.table import Table as AstropyTable

        out = AstropyTable(
            {k: v.astype(str) if v.dtype == object else v for k, v in self.table.as_dict().items()}
        )
        for column in columns(Scores):
            out[column.name].description = column.doc
        return out

    def confusion(
        self,
        classifier: str,
        *,
        at: str = "last",
        of: Literal["counts", "truth", "prediction", "all"] = "counts",
    ) -> pd.DataFrame:
        """Objects: true classes down, given ones across (-1 for no answer).

        of: counts, or fractions of each true class, of each given class, or of all objects.
        """
        import pandas as pd

        cells = read_table(self.folder.path / "confusion.parquet", Confusion)
        point = find_point(at, scored_points(self.about))
        position = np.isnan(cells.at) if np.isnan(point.at) else cells.at == point.at
        mine = cells.take((cells.classifier == classifier) & (cells.axis == point.axis) & position)
        frame = pd.DataFrame({"true": mine.true_id, "given": mine.predicted_id, "count": mine.count})
        cells_of = frame.pivot_table(
            index="true", columns="given", values="count", fill_value=0, aggfunc="sum"
        )
        if of == "truth":
            return cells_of.div(cells_of.sum(axis=1), axis=0)
        if of == "prediction":
            return cells_of / cells_of.sum(axis=0)
        return cells_of / cells_of.to_numpy().sum() if of == "all" else cells_of

    def leaderboard(self, by: str = "macro_f1", at: str = "last") -> list[dict[str, Any]]:
        """The classifiers, best first (scoring.leaderboard)."""
        return leaderboard(self.folder, by=by, axis=at)

    def _repr_html_(self) -> str:
        about = self.about
        by = "macro_f1" if "macro_f1" in about["metrics"] else next(iter(about["metrics"]))
        title = html.escape(str(about["metrics"][by]["title"]))
        rows = "".join(
            f"<tr><td>{r['rank'] or ''}</td><td>{html.escape(r['classifier'])}</td>"
            f"<td>{_number(r['value'])}</td><td>{_number(r['low'])} – {_number(r['high'])}</td>"
            f"<td>{r['n']:,}</td></tr>"
            for r in self.leaderboard(by)
        )
        head = f"<tr><th>#</th><th>classifier</th><th>{title}</th><th>interval</th><th>objects</th></tr>"
        run = html.escape(str(about["run"].get("name") or about["run"]["folder"]))
        return (
            f"<table><caption>{run}, last answers</caption><thead>{head}</thead><tbody>{rows}</tbody></table>"
        )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
