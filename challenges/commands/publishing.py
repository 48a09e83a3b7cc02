"""Commands that give a challenge away, keep its truth, and answer one: publish, truth .., answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from challenges.options import CPUS, RunPath, Workers, progress_bars, say


def seal(
    run_path: RunPath,
    out: Annotated[Path, typer.Option("--output", "-o", help="JSON file.")] = Path("seal.json"),
) -> None:
    """Commit to the truth of a run before a challenge opens; the salt stays in the run."""
    from challenges.pipeline import open_run
    from challenges.seal import seal as seal_run
    from challenges.seal import write_seal

    sealed = seal_run(open_run(run_path))
    say(f"{write_seal(out, sealed)}: {sealed.objects:,} objects, sha256 {sealed.digest}")


def reveal(
    run_path: RunPath,
    out: Annotated[Path, typer.Option("--output", "-o", help="Parquet file to publish.")] = Path(
        "truth.parquet"
    ),
) -> None:
    """Write the truth of a sealed run with its salt, when the challenge has closed."""
    from challenges.pipeline import open_run
    from challenges.seal import reveal as reveal_run

    say(f"{reveal_run(open_run(run_path), out)}")


def verify(
    sealed: Annotated[Path, typer.Argument(metavar="SEAL", help="What `truth seal` wrote.")],
    truth_file: Annotated[Path, typer.Argument(metavar="TRUTH", help="What `truth reveal` wrote.")],
) -> None:
    """Check that a revealed truth is the one that was sealed."""
    from challenges.seal import read_seal
    from challenges.seal import verify as verify_truth

    say(f"{truth_file}: {verify_truth(read_seal(sealed), truth_file):,} objects as sealed")


truth = typer.Typer(help="Commit to the truth of a challenge, and show it afterwards.")
truth.command("seal")(seal)
truth.command("reveal")(reveal)
truth.command("verify")(verify)


def publish_(
    challenge: Annotated[str, typer.Argument(help="Name of a challenge, or the path of its TOML file.")],
    run_path: RunPath,
    learning: Annotated[Path, typer.Argument(metavar="TRAINING", help="Its training run.")],
    out: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="The new folder.")],
    workers: Workers = CPUS,
) -> None:
    """Write the folder of a challenge to give away: data, rules, schemas, seal and a data card."""
    from challenges.challenge import find_challenge
    from challenges.pipeline import open_run, prepared
    from challenges.publish import publish

    chosen, run = find_challenge(challenge), open_run(run_path)
    with progress_bars() as progress:
        if chosen.publication.alerts:
            prepared(run, chosen.stream, workers=workers, progress=progress)
        made = publish(chosen, run, open_run(learning), out, progress=progress("archive"))
    say(f"{made}: see {made / 'README.md'}; `brokerbench truth reveal {run_path}` when it has closed")


def answer(
    tars: Annotated[list[Path], typer.Argument(metavar="TAR...", help="Archived alerts, night by night.")],
    broker: Annotated[str, typer.Option(help="Name of a broker, or the path of a .py file.")],
    out: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Answers, to send in.")],
    model: Annotated[Path | None, typer.Option(help="What `brokerbench train` wrote.")] = None,
    schema: Annotated[str, typer.Option(help="Of the alerts: brokerbench list schemas.")] = "elasticc_v0_9_1",
) -> None:
    """Run a broker on archived alerts; `convert` reads the answers, as the reader spool."""
    from challenges.pipeline import Watch, answer_archive

    with progress_bars() as progress:
        watch = Watch(progress=progress("answer"))
        report = answer_archive(sorted(tars), broker, out, model=model, schema=schema, watch=watch)
    say(
        f"{out}: {report.received:,} alerts, {report.answered:,} answered, {report.failed:,} failed, "
        f"{report.malformed:,} malformed"
    )


COMMANDS = {"publish": publish_, "answer": answer}
