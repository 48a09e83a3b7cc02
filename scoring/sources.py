"""Reading a run part by part: truth, ledger and the answers of each classifier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from brokerbench.errors import AccountingError, InputError, UnknownName, did_you_mean
from brokerbench.store import Folder, read_column
from brokerbench.tables import Classifications, Ledger, Objects
from brokerbench.taxonomy import ELASTICC2
from scoring.accounting import received_counts
from scoring.axes import AXES
from scoring.join import match
from scoring.slices import Part, Slice, groups_of
from scoring.timeline import Sent, sent

__all__ = ["Answers", "RunParts", "find_answers", "open_run"]


@dataclass(frozen=True)
class Answers:
    """One classifier's folder of answers."""

    label: str
    folder: Folder
    classifier: dict[str, str]  # broker, version, name, params
    classes: tuple[int, ...]
    counts: dict[str, int]
    parts: frozenset[str]
    scope: tuple[int, ...] = ()  # of a partial classifier (scoring.scope)
    scope_from: str = ""  # "scoring", the specification, or "submission"
    scope_fault: str = ""  # what is wrong with the scope that the submission declares

    def part(self, name: str) -> Classifications:
        """The answers of one part; an empty table where the classifier answered nothing of it."""
        if name not in self.parts:
            return Classifications.empty(probability=len(self.classes))
        found = self.folder.read("classifications", name, Classifications, threads=False)
        if found.probability.shape[1] != len(self.classes):
            raise InputError(
                f"{self.folder.file('classifications', name)}: expected {len(self.classes)} probabilities "
                f"a row, one a class of manifest.json, got {found.probability.shape[1]}"
            )
        return found


@dataclass(frozen=True)
class RunParts:
    """Truth and ledger of a run."""

    run: Folder
    ledger: Folder
    parts: tuple[str, ...]

    def truth(self, part: str) -> Objects:
        """True classes of the objects of one part."""
        return self.run.read("truth/objects", part, Objects, threads=False)

    def sent(self, part: str, slices: Mapping[str, Slice] | None = None) -> Sent:
        """The alerts of one part with their objects, divided by `slices`."""
        ledger = self.ledger.read("ledger", part, Ledger, threads=False)
        truth = self.truth(part)
        alerts = sent(truth, ledger, where=str(self.ledger.file("ledger", part)))
        if not slices:
            return alerts
        counts = alerts.reach[AXES.index("detection")]
        of = Part(self.run, part, truth, alerts.truth_row, counts)
        return replace(alerts, groups=groups_of(of, slices))

    def class_counts(self) -> Counter[int]:
        """Objects that had alerts, by true class, over all parts."""
        counts: Counter[int] = Counter()
        for part in self.parts:
            truth, ledger = self.run.file("truth/objects", part), self.ledger.file("ledger", part)
            object_id = read_column(truth, Objects, "object_id")
            alerted = np.zeros(len(object_id) + 1, bool)  # the last one for objects without truth
            alerted[match(object_id, read_column(ledger, Ledger, "object_id"))] = True
            class_id = read_column(truth, Objects, "class_id")[alerted[:-1]]
            classes, n = np.unique(class_id, return_counts=True)
            counts.update(dict(zip(classes.tolist(), n.tolist(), strict=True)))
        return counts


def open_run(run: Folder) -> RunParts:
    """Truth and ledger of a run. InputError where nothing was sent yet."""
    if not (run.path / "ledger").is_dir():
        raise InputError(f"{run.path}: expected a run that was played, got no ledger; play the run first")
    ledger = Folder.open(run.path / "ledger", kind="ledger")
    unknown = set(ledger.parts) - set(run.parts)
    if unknown:
        raise AccountingError(f"{ledger.path}: expected parts of the run, got {', '.join(sorted(unknown))}")
    return RunParts(run, ledger, tuple(ledger.parts))


def find_answers(run: Folder, sent_parts: tuple[str, ...]) -> list[Answers]:
    """Every classifier's answers in a run, by folder name. InputError where there are none."""
    folders = [Folder.open(p, kind="answers") for p in _subfolders(run.path / "answers")]
    if not folders:
        raise InputError(
            f"{run.path}/answers: expected answers of a classifier, got none; run a broker first"
        )
    return [_answers(f, label, sent_parts) for f, label in zip(folders, _labels(folders), strict=True)]


def _subfolders(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(p for p in path.iterdir() if p.is_dir() and not p.name.endswith(".partial"))


def _answers(folder: Folder, label: str, sent_parts: tuple[str, ...]) -> Answers:
    manifest, where = folder.manifest, str(folder.path)
    classes = manifest.get("classes")
    if not isinstance(classes, list) or not classes or not all(isinstance(c, int) for c in classes):
        raise InputError(f"{where}: expected class ids in manifest.json, got {classes!r}")
    if len(set(classes)) != len(classes):
        raise InputError(f"{where}: expected each class once in manifest.json, got {classes}")
    for class_id in classes:
        if not ELASTICC2.is_known(class_id):
            raise UnknownName(
                f"{where}: expected class ids of ELAsTiCC2, got {class_id}; "
                f"{did_you_mean(class_id, ELASTICC2.ids)}"
            )
    stray = set(folder.parts) - set(sent_parts)
    if stray:
        raise AccountingError(f"{where}: expected parts of the ledger, got {', '.join(sorted(stray))}")
    return Answers(
        label=label,
        folder=folder,
        classifier={k: str(v) for k, v in manifest.get("classifier", {}).items()},
        classes=tuple(classes),
        counts=received_counts(manifest, where=where),
        parts=frozenset(folder.parts),
    )


def _labels(folders: list[Folder]) -> list[str]:
    """Name and version of each classifier; broker, parameters and folder name only where they decide."""
    about = [f.manifest.get("classifier", {}) for f in folders]
    labels = [" ".join(str(a[k]) for k in ("name", "version") if a.get(k)) for a in about]
    for extra in ("broker", "params"):
        again = Counter(labels)
        labels = [
            f"{label} ({a[extra]})" if again[label] > 1 and a.get(extra) else label
            for label, a in zip(labels, about, strict=True)
        ]
    again = Counter(labels)
    return [
        f"{label} [{f.path.name}]" if again[label] > 1 or not label else label
        for label, f in zip(labels, folders, strict=True)
    ]
