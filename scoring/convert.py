"""Submissions checked against a run, and turned into its folders of answers."""

from __future__ import annotations

import tempfile
from pathlib import Path

from brokerbench.config import load
from brokerbench.errors import InputError
from brokerbench.store import Folder
from scoring.checked import Answered, Checked
from scoring.ingest import Ingest, files_of
from scoring.registries import READERS
from scoring.sources import open_run
from scoring.submission import POLICY, Columns, Policy

__all__ = ["Answered", "Checked", "convert", "find_policy", "find_reader", "validate"]


def find_reader(path: Path, name: str = "", policy: Policy | None = None) -> str:
    """The name of the reader for a file or folder: `name`, or the first that claims it.

    A policy that declares columns means a table. InputError where no reader claims the submission, or
    nothing is there.
    """
    if not name and policy is not None and policy.columns != Columns():
        name = "table"
    if name:
        READERS[name]  # noqa: B018  raises UnknownName with a hint
        return name
    for file in files_of(path):
        try:
            with open(file, "rb") as opened:
                head = opened.read(4096)
        except OSError as error:
            raise InputError(f"{file}: expected a file, got {error.strerror}") from error
        for reader in READERS:
            if READERS[reader].claims(file, head):
                return reader
    raise InputError(
        f"{path}: expected a submission of a known format, got none that a reader claims; "
        f"name one of {', '.join(READERS)}, or declare the columns of a table in its policy"
    )


def find_policy(path: Path) -> Policy:
    """The policy that a submission brings itself: policy.toml in its folder, the defaults without one."""
    file = path / POLICY
    return load(file, Policy) if file.is_file() else Policy()


def validate(path: Path, run: Folder, *, policy: Policy, reader: str = "") -> Checked:
    """What is found in a submission: every rule with its count, writing nothing."""
    with tempfile.TemporaryDirectory(prefix="brokerbench-") as scratch:
        return Ingest(path, open_run(run), policy, find_reader(path, reader, policy)).run(Path(scratch), None)


def convert(path: Path, run: Folder, *, policy: Policy, reader: str = "", out: Path | None = None) -> Checked:
    """What is found in a submission, each of its classifiers written as a folder of answers.

    path: a file or a folder of files. out: RUN/answers where None. A classifier's folder has its
    name; one that is there already is not replaced (InputError). Memory does not grow with the
    number of messages: they are sorted into parts on disk first, beside `out`.
    """
    target = out or run.path / "answers"
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target, prefix=".spill-", suffix=".partial") as scratch:
        return Ingest(path, open_run(run), policy, find_reader(path, reader, policy)).run(
            Path(scratch), target
        )
