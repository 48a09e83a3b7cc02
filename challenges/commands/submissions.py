"""Commands for answers that others sent: validate, doctor, convert, gate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAVY
from rich.table import Table

from challenges.options import Again, RunPath, out_console, pairs_of, say, toml_value

Submission = Annotated[Path, typer.Argument(metavar="SUBMISSION", help="A file or folder of answers.")]
OfRun = Annotated[Path, typer.Option("--run", metavar="RUN", help="The run that it answers.")]
Format = Annotated[str, typer.Option("--format", help="Reader; recognised by the files without one.")]
PolicyFile = Annotated[Path | None, typer.Option(help="TOML file; SUBMISSION/policy.toml without one.")]
Options = Annotated[
    list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="Policy, value as in TOML.")
]


def validate(
    submission: Submission,
    run_path: OfRun,
    reader: Format = "",
    policy: PolicyFile = None,
    option: Options = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything that was found, as JSON.")] = False,
) -> None:
    """Count what a submission gets wrong, rule by rule, with the first rows that do; exit code 1 if any."""
    from challenges.pipeline import open_run
    from scoring.convert import validate as look

    checked = look(submission, open_run(run_path), policy=_policy(submission, policy, option), reader=reader)
    if as_json:
        out_console.print_json(json.dumps(checked.as_dict(), default=str))
    else:
        _show(checked)
    if not checked.sound:
        raise typer.Exit(1)


def doctor(
    submission: Submission,
    run_path: OfRun,
    reader: Format = "",
    policy: PolicyFile = None,
    option: Options = None,
) -> None:
    """Recognise the usual accidents by name: old class ids, swapped ids, wrong units, one class alone .."""
    from challenges.pipeline import open_run
    from scoring.doctor import doctor as look

    ailments = look(submission, open_run(run_path), policy=_policy(submission, policy, option), reader=reader)
    for ailment in ailments:
        say(f"{ailment.name}: {ailment.evidence}\n    {ailment.remedy}")
    if not ailments:
        say("nothing found")


def convert(
    submission: Submission,
    run_path: OfRun,
    reader: Format = "",
    policy: PolicyFile = None,
    option: Options = None,
    again: Again = False,
) -> None:
    """Turn a submission into RUN/answers, one folder a classifier, for `brokerbench score`."""
    from challenges.pipeline import forget, open_run
    from scoring.convert import convert as turn

    run = open_run(run_path)
    if again:
        forget(run_path, "answers", "scores")
    _show(turn(submission, run, policy=_policy(submission, policy, option), reader=reader))


def gate(
    run_path: RunPath,
    rules: Annotated[Path, typer.Option(help="TOML file of rules.")],
    baseline: Annotated[Path | None, typer.Option(help="A scored run to compare with.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML here.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Append Markdown to this file.")] = None,
) -> None:
    """Hold scores to rules: exit code 0 where all hold, 1 where one does not, 2 for bad input."""
    from brokerbench.config import load
    from brokerbench.store import Folder, atomic_write
    from scoring.gate import Gate
    from scoring.gate import gate as judge
    from scoring.gate import junit as as_junit
    from scoring.gate import markdown as as_markdown

    held = None if baseline is None else Folder.open(baseline / "scores", kind="scores")
    verdicts = judge(Folder.open(run_path / "scores", kind="scores"), load(rules, Gate), baseline=held)
    for verdict in verdicts:
        say(f"{'pass' if verdict.passed else 'FAIL'} {verdict.classifier}: {verdict.text}")
    if junit is not None:
        with atomic_write(junit, "w") as file:
            file.write(as_junit(verdicts))
    if markdown is not None:
        with open(markdown, "a") as file:
            file.write(as_markdown(verdicts))
    if not all(verdict.passed for verdict in verdicts):
        raise typer.Exit(1)


def _policy(submission: Path, path: Path | None, option: list[str] | None) -> Any:
    """The policy of the command line, or of policy.toml in the submission's folder, with options."""
    from brokerbench.config import decode, encode, load
    from scoring.convert import find_policy
    from scoring.submission import Policy

    held = encode(find_policy(submission) if path is None else load(path, Policy))
    given = {key: toml_value(value) for key, value in pairs_of("--option", option).items()}
    return decode({**held, **given}, Policy, where="policy")


def _show(checked: Any) -> None:
    from scoring.rules import FAULTS, RULES

    table = Table(title=f"read as {checked.reader}", box=SIMPLE_HEAVY)
    for name in ("rule", "count", "meaning"):
        table.add_column(name)
    for rule, meaning in {**RULES, **FAULTS}.items():
        count = checked.findings.counts.get(rule, 0)
        table.add_row(rule, f"{count:,}", meaning, style="bold" if count else "dim")
    out_console.print(table)
    for rule, examples in checked.findings.examples.items():
        for file, position, detail in examples:
            say(f"{rule}: {file}: {position}: {detail}")
    for answered in checked.classifiers:
        sender = answered.sender
        alerts = f"{answered.alerts:,} of {checked.alerts_sent:,} alerts"
        objects = f"{answered.objects:,} of {checked.objects_sent:,} objects"
        who = " ".join(part for part in (sender.broker, sender.classifier, sender.version) if part)
        say(f"{who or 'classifier'}: {alerts}, {objects} answered")


COMMANDS = {"validate": validate, "doctor": doctor, "convert": convert, "gate": gate}
