"""Scores as one self-contained HTML page."""

from __future__ import annotations

import html
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from brokerbench.store import Folder, atomic_write
from scoring.report.examples import cell_members, examples
from scoring.report.payload import payload

__all__ = ["render", "write_report"]

SCRIPTS = ("page.js", "confusion.js", "charts.js", "curves.js")


def write_report(run: Folder, out: Path, *, scores: Path | None = None) -> Path:
    """The path of the HTML page made of a run's scores (RUN/scores where `scores` is None).

    The page holds everything it shows, plotly.js too, and loads nothing: it opens offline and a
    policy in its head forbids any connection.
    """
    shown = payload(Folder.open(scores or run.path / "scores", kind="scores"))
    points = [p["key"] for p in shown["points"]]  # the last answer comes first
    members = cell_members(shown["classifiers"], points)
    shown["examples"] = examples(run, shown["classes"], scopes=shown["spec"].get("scopes"), members=members)
    with atomic_write(out, "w") as file:
        file.write(render(shown))
    return out


def render(shown: dict[str, Any]) -> str:
    """The page of one payload."""
    from plotly.offline import get_plotlyjs

    here = files("scoring.report")
    page = (here / "page.html").read_text()
    parts = {
        "title": html.escape(str(shown["run"].get("name") or shown["run"]["folder"])),
        "style": (here / "page.css").read_text(),
        "plotly": get_plotlyjs(),
        "payload": _script_safe(json.dumps(shown, allow_nan=False, separators=(",", ":"))),
        "script": "\n".join((here / name).read_text() for name in SCRIPTS),
    }
    # One pass over the template, so that nothing inside a part is taken for a place holder.
    pieces = page.split("{{")
    out = [pieces[0]]
    for piece in pieces[1:]:
        name, rest = piece.split("}}", 1)
        out += [parts[name], rest]
    return "".join(out)


def _script_safe(text: str) -> str:
    """JSON that cannot end the script element it stands in, nor begin a comment."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
