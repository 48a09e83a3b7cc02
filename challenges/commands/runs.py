"""Commands that make runs: simulate, import, split, verify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from brokerbench.errors import ConfigError
from challenges.options import (
    CPUS,
    Again,
    RunPath,
    Workers,
    pairs_of,
    progress_bars,
    say,
    summarise,
    toml_value,
)


def make(
    challenge: Annotated[str, typer.Argument(help="Name of a challenge, or the path of its TOML file.")],
    out: Annotated[Path, typer.Option("--output", "-o", metavar="RUN", help="Folder of the new run.")],
    seed: Annotated[int | None, typer.Option(help="Another seed.")] = None,
    scale: Annotated[float, typer.Option(help="Objects as a multiple of the challenge's.")] = 1.0,
    training: Annotated[bool, typer.Option("--training", help="Its training run instead.")] = False,
    workers: Workers = CPUS,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler whose workers make the parts.")
    ] = None,
    again: Again = False,
) -> None:
    """Simulate the survey of a challenge."""
    import msgspec

    from challenges.challenge import find_challenge, scaled
    from challenges.pipeline import forget
    from simulate.generate import generate

    chosen = find_challenge(challenge)
    simulation = chosen.training_simulation() if training else chosen.simulation()
    simulation = msgspec.structs.replace(simulation, population=scaled(simulation.population, scale))
    if seed is not None:
        if not training and seed == chosen.training.seed:
            raise ConfigError(f"--seed: expected another seed than the training run's, got {seed}")
        simulation = msgspec.structs.replace(simulation, seed=seed)
    if again:
        forget(out.parent, out.name)
    with progress_bars() as progress:
        made = generate(simulation, out, workers=workers, progress=progress("simulate"), dask=dask)
    summarise(made.path)


def import_(
    reader: Annotated[str, typer.Argument(metavar="FORMAT", help="snana, or another reader.")],
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Where the files are.")],
    out: Annotated[Path, typer.Option("--output", "-o", metavar="RUN", help="Folder of the new run.")],
    seed: Annotated[int, typer.Option(help="Seed of the ids.")] = 1,
    name: Annotated[str, typer.Option(help="Name of the run.")] = "imported",
    option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Option of the reader, value as in TOML.")
    ] = None,
    again: Again = False,
) -> None:
    """Read light curves that others made; several folders are joined into one run."""
    from challenges.pipeline import forget
    from simulate.registries import READERS

    chosen = READERS[reader]
    if again:
        forget(out.parent, out.name)
    options = {key: toml_value(value) for key, value in pairs_of("--option", option).items()}
    made = chosen.read(list(folders), out, seed=seed, name=name, options=options)
    summarise(made.path)


def split_(
    run_path: RunPath,
    first: Annotated[Path, typer.Argument(metavar="FIRST", help="Run of the fraction.")],
    second: Annotated[Path, typer.Argument(metavar="SECOND", help="Run of the rest.")],
    fraction: Annotated[float, typer.Option(help="Fraction of each class that goes to FIRST.")] = 0.5,
    spectroscopy: Annotated[
        bool, typer.Option("--spectroscopy", help="FIRST gets what a spectrograph would.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the choice.")] = 1,
) -> None:
    """Cut a run in two by object, e.g. into one to train on and one to score."""
    from challenges.pipeline import open_run
    from challenges.split import split, split_by
    from simulate.spectroscopy import FollowUp, spectroscopic_sample

    run = open_run(run_path)
    if spectroscopy:
        chosen = spectroscopic_sample(run, FollowUp(seed=seed))
        halves = split_by(run, chosen, first=first, second=second)
    else:
        halves = split(run, fraction, first=first, second=second, seed=seed)
    for half in halves:
        summarise(half.path)


def verify(run_path: RunPath) -> None:
    """Check every file of a folder against the hashes of its manifest."""
    from brokerbench.store import Folder

    folder = Folder.open(run_path)
    folder.verify()
    say(f"{run_path}: {len(folder.manifest['files'])} files as the manifest says")


def export(
    format_: Annotated[str, typer.Argument(metavar="FORMAT", help="brokerbench list exports.")],
    run_path: RunPath,
    out: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the files go.")],
    truth: Annotated[bool, typer.Option("--truth", help="With the true classes and redshifts.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Objects that did not trigger too.")] = False,
) -> None:
    """Write a run in somebody else's format, without the truth unless asked for."""
    from challenges.pipeline import open_run
    from simulate.export import export as write
    from simulate.registries import EXPORTS

    say(f"{write(EXPORTS[format_], open_run(run_path), out, truth=truth, every=every)}")


def leaks(run_path: RunPath, seed: Annotated[int, typer.Option(help="Seed of the test.")] = 1) -> None:
    """Try to tell classes by ids, order, nulls, places and numbers of visits; exit code 1 where one can."""
    from challenges.pipeline import open_run
    from simulate.leaks import columns_without_physics, leak_score

    leak = leak_score(*columns_without_physics(open_run(run_path)), seed=seed)
    say(
        f"accuracy {leak.accuracy:.3f} against {leak.chance:.3f} by chance on {leak.objects:,} objects: "
        f"{leak.sigma:+.1f} sigma"
    )
    if leak.sigma >= 4:
        raise typer.Exit(1)


def validation(
    run_path: RunPath,
    out: Annotated[Path, typer.Option("--output", "-o", help="Markdown file.")] = Path("validation.md"),
) -> None:
    """Write a page that holds a run against its stated rates, noise and cadence, with figures."""
    from brokerbench.store import atomic_write
    from challenges.pipeline import open_run
    from simulate.validation import page

    text = page(open_run(run_path))
    with atomic_write(out, "w") as file:
        file.write(text)
    say(f"{out}")


COMMANDS = {
    "make": make,
    "import": import_,
    "split": split_,
    "export": export,
    "leaks": leaks,
    "validation": validation,
    "verify": verify,
}
