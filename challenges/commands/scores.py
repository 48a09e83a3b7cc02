"""Commands that score: score, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAVY

from challenges.options import (
    CPUS,
    Again,
    Prefix,
    RunPath,
    Settings,
    TransportName,
    Workers,
    link_of,
    out_console,
    say,
    show_leaderboard,
)


def score_(
    run_path: RunPath,
    challenge: Annotated[
        str | None, typer.Option(help="Challenge whose [scoring] holds; the defaults without one.")
    ] = None,
    topic: Annotated[
        list[str] | None, typer.Option(help="Topic of answers; all of the spool's without one.")
    ] = None,
    deadline: Annotated[float | None, typer.Option(help="Seconds after which an answer is late.")] = None,
    transport: TransportName = "spool",
    settings: Settings = None,
    prefix: Prefix = "",
    workers: Workers = CPUS,
    again: Again = False,
) -> None:
    """Collect the answers, balance the books and score them."""
    import msgspec

    from challenges.challenge import find_scoring
    from challenges.pipeline import forget, open_run, score_run
    from scoring.spec import Scoring

    run_folder = open_run(run_path)
    spec = find_scoring(challenge) if challenge else Scoring()
    if deadline is not None:
        spec = msgspec.structs.replace(spec, deadline_s=deadline)
    if again:
        forget(run_path, "answers", "rejects", "scores")
    score_run(run_folder, link_of(transport, settings, prefix), spec=spec, topics=topic, workers=workers)
    show_leaderboard(run_path)


def report(
    run_path: RunPath,
    out: Annotated[Path | None, typer.Option("--output", "-o", help="HTML file.")] = None,
    figures: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write the figures there too, for a paper.")
    ] = None,
    form: Annotated[str, typer.Option(help="Form of the figures: svg, pdf or png.")] = "svg",
) -> None:
    """Write the scores of a run as one self-contained HTML page."""
    from brokerbench.store import Folder
    from challenges.pipeline import open_run
    from scoring.report.build import write_report

    path = write_report(open_run(run_path), out or run_path / "report.html")
    say(f"Report: {path}")
    if figures is not None:
        from scoring.figures import write_figures

        scores = Folder.open(run_path / "scores", kind="scores")
        say(f"{figures}: {len(write_figures(scores, figures, form=form))} figures")


def compare(
    run_path: RunPath,
    classifiers: Annotated[
        list[str] | None, typer.Argument(metavar="[CLASSIFIER]...", help="Two or more; all without any.")
    ] = None,
    axis: Annotated[str, typer.Option(help="last, detection:3, days:8 ..")] = "last",
    metric: Annotated[
        list[str] | None, typer.Option(help="Metric, core or all; macro_f1 and log_loss without.")
    ] = None,
    challenge: Annotated[str | None, typer.Option(help="Challenge whose [scoring] holds.")] = None,
) -> None:
    """Compare classifiers on the same objects: paired intervals, McNemar, Holm over all pairs."""
    import msgspec
    from rich.table import Table

    from brokerbench.taxonomy import ELASTICC2
    from challenges.challenge import find_scoring
    from challenges.pipeline import open_run
    from scoring.compare import compare as compare_classifiers
    from scoring.spec import Scoring

    spec = find_scoring(challenge) if challenge else Scoring()
    named = metric or ["macro_f1", "log_loss"]
    every = named[0] if named in (["core"], ["all"]) else named
    spec = msgspec.structs.replace(spec, metrics=every)
    for pair in compare_classifiers(open_run(run_path), classifiers or None, spec=spec, axis=axis):
        table = Table(title=f"{pair.a} - {pair.b}, {pair.n:,} objects", box=SIMPLE_HEAVY)
        for name in ("metric", "difference", "interval", "Holm p", "better"):
            table.add_column(name, no_wrap=True)
        for d in pair.differences:
            name = d.metric if d.class_id < 0 else f"{d.metric} {ELASTICC2.name_of(d.class_id)}"
            if d.missing:
                table.add_row(name, "undefined", d.missing, "", "")
                continue
            interval = f"{d.low:+.3f}..{d.high:+.3f}"
            table.add_row(name, f"{d.difference:+.3f}", interval, f"{d.holm:.2g}", d.better or "tie")
        out_console.print(table)
        say(
            f"{pair.a} alone is right on {pair.a_alone:,} objects, {pair.b} alone on {pair.b_alone:,}; "
            f"McNemar p {pair.mcnemar_holm:.2g} (Holm over all pairs)"
        )


COMMANDS = {"score": score_, "report": report, "compare": compare}
