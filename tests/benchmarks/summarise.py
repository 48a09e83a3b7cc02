"""Turn pytest-benchmark's report into bench.json and a table: name, rate, unit, ratio, peak memory."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def summarise(report: dict[str, object]) -> list[dict[str, object]]:
    """One row a benchmark that states a rate, in order of name."""
    rows = []
    for benchmark in report["benchmarks"]:  # type: ignore[attr-defined]
        extra = benchmark["extra_info"]
        rows.append(
            {
                "name": benchmark["name"],
                "rate": extra.get("rate"),
                "unit": extra.get("unit", "1/s"),
                "ratio": extra.get("ratio"),
                "against": extra.get("against"),
                "peak_mb": extra.get("peak_mb"),
            }
        )
    return sorted(rows, key=lambda row: str(row["name"]))


def show(value: object) -> str:
    """A number with three significant digits; empty for none."""
    return "" if value is None else f"{value:,.3g}" if isinstance(value, float) else str(value)


def main(source: str, target: str) -> None:
    """Read `source`, write `target` and print the table."""
    rows = summarise(json.loads(Path(source).read_text()))
    Path(target).write_text(json.dumps(rows, indent=1) + "\n")
    table = Table("benchmark", "rate", "unit", "ratio", "against", "peak MB")
    for row in rows:
        table.add_row(
            *(escape(show(row[k])) for k in ("name", "rate", "unit", "ratio", "against", "peak_mb"))
        )
    Console(width=160).print(table)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
