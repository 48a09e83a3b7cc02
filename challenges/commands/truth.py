"""Commands for the truth of a challenge: seal, reveal, verify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from challenges.options import RunPath, say


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
