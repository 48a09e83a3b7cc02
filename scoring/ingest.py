"""A submission on its way into a run: checked, sorted into parts, joined with the ledger, written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brokerbench.config import encode
from brokerbench.errors import ConfigError, InputError, UnknownName, did_you_mean
from brokerbench.ids import BITS, ROW_BITS, unpermute
from brokerbench.store import Folder, file_sha256, write_table
from brokerbench.tables import NO_TIME, Classifications, Ledger
from scoring.accounting import RECEIVED
from scoring.checked import Answered, Checked
from scoring.join import match
from scoring.registries import READERS
from scoring.rules import EXAMPLES, Findings, check, scopes_of
from scoring.sources import RunParts
from scoring.spill import Rows, Spill, take
from scoring.submission import NO_ID, POLICY, Batch, Policy, Sender

__all__ = ["Ingest", "files_of"]


def files_of(path: Path, suffixes: tuple[str, ...] = ()) -> Iterator[Path]:
    """The files of a submission in order of name; of a folder those that end in one of `suffixes`."""
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
        found = [p for p in found if p.name != POLICY and (not suffixes or p.name.endswith(suffixes))]
        inside = [p for p in found if p.resolve().is_relative_to(path.resolve())]  # no link leads out
        if not inside:
            wanted = f" ending in {', '.join(suffixes)}" if suffixes else ""
            raise InputError(f"{path}: expected a folder with files{wanted}, got an empty one")
        yield from inside
    elif path.is_file():
        yield path
    else:
        raise InputError(f"{path}: expected a file or folder, got nothing there; check the path")


class Ingest:
    """One submission on its way into a run."""

    def __init__(self, path: Path, parts: RunParts, policy: Policy, reader: str) -> None:
        self.path, self.parts, self.policy, self.reader = path, parts, policy, reader
        self.scopes = scopes_of(policy)
        self.findings = Findings()
        self.senders: dict[Sender, int] = {}
        self.classes: list[set[int]] = []
        self.counts: list[dict[str, int]] = []
        self.malformed = 0
        self.files: list[str] = []
        self.rejects: list[tuple[str, int, str, str]] = []
        self.seed = int(parts.run.manifest.get("seed", 0))
        self.part_number = {self._number(p): i for i, p in enumerate(parts.parts)}

    @staticmethod
    def _number(part: str) -> int:
        match_ = re.fullmatch(r"(\d+)-(\d+)", part)
        return (int(match_[1]) << 20) + int(match_[2]) if match_ else -1

    def run(self, scratch: Path, out: Path | None) -> Checked:
        spill = Spill(scratch, len(self.parts.parts))
        hashes = {}
        for file in files_of(self.path, READERS[self.reader].suffixes):
            hashes[file.name if file == self.path else str(file.relative_to(self.path))] = file_sha256(file)
            for batch in READERS[self.reader].read(file, self.policy):
                self._take(batch, spill)
        if len(self.counts) == 1:  # else nobody knows whose they were
            for name in ("received", "malformed"):
                self.counts[0][name] += self.malformed
        answered = self._join(spill, out)
        totals = {name: sum(c[name] for c in self.counts) for name in ("received", *RECEIVED)}
        if len(self.counts) != 1:
            totals["received"] += self.malformed
            totals["malformed"] += self.malformed
        return Checked(
            reader=self.reader,
            files=hashes,
            policy=self.policy,
            counts=totals,
            findings=self.findings,
            classifiers=answered,
            alerts_sent=self.alerts,
            objects_sent=self.objects,
        )

    def _take(self, batch: Batch, spill: Spill) -> None:
        """Check a batch and keep what is sound and leads to a part."""
        if batch.file not in self.files[-1:]:
            self.files.append(batch.file)
        sound, class_id, probability = check(batch, self.policy, self.findings)
        self.malformed += len(batch.malformed)
        sender = np.array([self._sender(s) for s in batch.senders], np.int64)[batch.sender]
        for s, n in enumerate(np.bincount(sender, minlength=len(self.senders)).tolist()):
            self.counts[s]["received"] += n
        for s, n in enumerate(np.bincount(sender[~sound], minlength=len(self.senders)).tolist()):
            self.counts[s]["invalid"] += n
        key, purpose = self._keys(batch)
        part = self._parts_of(key, purpose)
        lost = np.flatnonzero(sound & (part < 0))
        self._orphans(batch.file, batch.position[lost], sender[lost], key[lost])
        kept = np.flatnonzero(sound & (part >= 0))
        of = np.repeat(np.arange(len(batch)), np.diff(batch.offsets))
        for s in np.unique(sender[kept]).tolist():
            mine = np.zeros(len(batch), bool)
            mine[kept] = sender[kept] == s
            self.classes[s] |= set(np.unique(class_id[mine[of]]).tolist())
        rows: Rows = {
            "key": key, "source_id": batch.source_id, "file": np.full(len(batch), len(self.files) - 1),
            "position": batch.position, "sender": sender, "published": batch.published,
            "claimed": batch.claimed, "ingested": batch.ingested, "counts": np.diff(batch.offsets),
            "class_id": class_id, "probability": probability,
        }  # fmt: skip
        spill.put(part[kept], take(rows, kept))

    def _sender(self, sender: Sender) -> int:
        if sender not in self.senders:
            self.senders[sender] = len(self.senders)
            self.classes.append(set())
            self.counts.append(dict.fromkeys(("received", *RECEIVED), 0))
        return self.senders[sender]

    def _keys(self, batch: Batch) -> tuple[NDArray[np.int64], str]:
        """The id of each message that leads to its alert, and what it is an id of."""
        by = self.policy.join
        if by == "auto":
            known = {"alert": batch.alert_id, "source": batch.source_id, "object": batch.object_id}
            by = next((k for k in ("alert", "source", "object") if (known[k] != NO_ID).any()), "alert")
        if by == "object":
            return batch.object_id, "object"
        # The id of an alert is that of its triggering source.
        return (batch.alert_id if by == "alert" else batch.source_id), "alert"

    def _parts_of(self, key: NDArray[np.int64], purpose: str) -> NDArray[np.int64]:
        """Index of the part that an id leads to, i8[m], -1 for none (see brokerbench.ids)."""
        self.purpose = purpose
        possible = (key >= 0) & (key < 1 << BITS)
        number = unpermute(self.seed, purpose, np.where(possible, key, 0)) >> ROW_BITS
        known = np.array(sorted(self.part_number), np.int64)
        index = np.array([self.part_number[k] for k in known.tolist()], np.int64)
        at = np.clip(np.searchsorted(known, number), 0, len(known) - 1)
        return np.where(possible & (known[at] == number), index[at], -1)

    def _orphans(self, file: str, position: NDArray, sender: NDArray, key: NDArray) -> None:
        if len(position):
            few = [f"expected an alert that was sent, got {k}" for k in key[:EXAMPLES].tolist()]
            self.findings.add("known_alert", file, position, few + [""] * (len(position) - len(few)))
            for s, n in enumerate(np.bincount(sender).tolist()):
                self.counts[s]["orphan"] += n

    def _join(self, spill: Spill, out: Path | None) -> tuple[Answered, ...]:
        """Part by part: find the alerts, settle duplicates, write."""
        writers = self._writers(out)
        answered = np.zeros((len(self.senders), 2), np.int64)
        self.alerts = self.objects = 0
        for i, part in enumerate(self.parts.parts):
            ledger = self.parts.ledger.read("ledger", part, Ledger)
            self.alerts += len(ledger)
            self.objects += len(np.unique(ledger.object_id))
            rows = spill.take(i)
            row = self._alerts_of(rows, ledger)
            lost = row < 0
            self._lost(rows, lost)
            rows, row = take(rows, np.flatnonzero(~lost)), row[~lost]
            for sender, s in self.senders.items():
                mine = np.flatnonzero(rows["sender"] == s)
                table, taken = self._table(take(rows, mine), row[mine], ledger, s)
                self.counts[s]["accepted"] += len(table)
                answered[s] += len(table), len(np.unique(table.object_id))
                if out is not None and sender in writers:
                    file = writers[sender].file("classifications", part)
                    write_table(file, table)
                    writers[sender].commit(part, [file], messages=len(table))
        for sender, s in self.senders.items():
            if sender in writers:
                self._complete(writers[sender], s)
        return tuple(
            Answered(sender, tuple(sorted(self.classes[s])), self.counts[s], *answered[s].tolist())
            for sender, s in self.senders.items()
        )

    def _alerts_of(self, rows: Rows, ledger: Ledger) -> NDArray[np.int64]:
        """Row of the ledger that each message answers, -1 for none."""
        if not len(rows["key"]) or self.purpose != "object":
            return match(ledger.alert_id, rows["key"].astype(np.int64))
        order = np.lexsort((ledger.alert_id, ledger.mjd))[::-1]  # the last alert of an object comes first
        found = match(np.ascontiguousarray(ledger.object_id[order]), rows["key"].astype(np.int64))
        return np.where(found < 0, -1, order[np.maximum(found, 0)])

    def _lost(self, rows: Rows, lost: NDArray[np.bool_]) -> None:
        for f in np.unique(rows["file"][lost]).tolist():
            here = np.flatnonzero(lost & (rows["file"] == f))
            self._orphans(self.files[f], rows["position"][here], rows["sender"][here], rows["key"][here])

    def _table(
        self, rows: Rows, row: NDArray[np.int64], ledger: Ledger, s: int
    ) -> tuple[Classifications, NDArray[np.int64]]:
        """The accepted answers of one classifier in one part, in the order of the ledger."""
        classes = np.array(sorted(self.classes[s]), np.int64)
        dense = np.zeros((len(row), len(classes)), np.float32)
        of = np.repeat(np.arange(len(row)), rows["counts"])
        dense[of, np.searchsorted(classes, rows["class_id"])] = rows["probability"]
        kept = self._settle(rows, row, dense, s)
        row, dense = row[kept], dense[kept]
        published = _micros(rows["published"][kept])
        early = (published != NO_TIME) & (published < ledger.sent[row])
        self._fault("time", rows, kept[early], "published before its alert was sent")
        source = rows["source_id"][kept]
        strange = (source != NO_ID) & (source != ledger.alert_id[row])
        self._fault("source_id", rows, kept[strange], "another id than the alert's source")
        table = Classifications(
            alert_id=ledger.alert_id[row],
            object_id=ledger.object_id[row],
            classifier=np.zeros(len(row), np.int16),
            sent=ledger.sent[row],
            published=published,
            received=np.full(len(row), NO_TIME, np.int64),
            claimed_publish=_micros(rows["claimed"][kept]),
            claimed_ingest=_micros(rows["ingested"][kept]),
            probability=dense,
        )
        return table, kept

    def _settle(self, rows: Rows, row: NDArray[np.int64], dense: NDArray, s: int) -> NDArray[np.int64]:
        """The messages that count where several answer one alert, in the order of the ledger."""
        time = np.nan_to_num(rows["published"], nan=np.inf)
        order = np.lexsort((rows["position"], rows["file"], time, row))
        if self.policy.duplicates == "last":
            order = order[np.lexsort((-np.arange(len(order)), row[order]))]
        first = np.ones(len(order), bool)
        first[1:] = np.diff(row[order]) != 0
        again = order[~first]
        leader = order[np.flatnonzero(first)[np.cumsum(first) - 1]][~first]
        conflicting = (dense[again] != dense[leader]).any(1)
        self._fault("duplicate", rows, again, "another answer to the same alert")
        self._fault("conflicting", rows, again[conflicting], "differs from the answer that counts")
        self.counts[s]["duplicate"] += len(again)
        kept = order[first]
        if self.policy.duplicates == "reject" and len(again):
            refused = np.isin(row[kept], row[again])
            self._fault("duplicate", rows, kept[refused], "one of several answers to the same alert")
            self.counts[s]["duplicate"] += int(refused.sum())
            kept = kept[~refused]
        return kept

    def _fault(self, rule: str, rows: Rows, which: NDArray[np.int64], detail: str) -> None:
        for f in np.unique(rows["file"][which]).tolist():
            here = which[rows["file"][which] == f]
            self.findings.add(rule, self.files[f], np.sort(rows["position"][here]), detail)

    def _writers(self, out: Path | None) -> dict[Sender, Folder]:
        if out is None:
            return {}
        if not any(self.classes):
            raise InputError(f"{self.path}: expected answers to alerts of the run, got none; try doctor")
        known = {sender.classifier for sender in self.senders}
        for name in self.policy.scopes:
            if name not in known:
                raise UnknownName(
                    f"policy.scopes: expected a classifier of the submission, got {name!r}; "
                    f"{did_you_mean(name, known)}"
                )
        names: dict[str, Sender] = {}
        for sender, s in self.senders.items():
            if not self.classes[s]:
                continue
            stem = re.sub(r"[^A-Za-z0-9._-]+", "-", sender.classifier).strip("-.") or "classifier"
            name, k = stem, 2
            while name in names:
                name, k = f"{stem}-{k}", k + 1
            if (out / name).exists():
                raise ConfigError(
                    f"{out / name}: expected no answers of that name yet, got some; remove them or name "
                    "another classifier"
                )
            names[name] = sender
        return {sender: self._begin(out / name, sender) for name, sender in names.items()}

    def _begin(self, path: Path, sender: Sender) -> Folder:
        who = {
            "broker": sender.broker, "version": sender.version,
            "name": sender.classifier or path.name, "params": sender.params,
        }  # fmt: skip
        classes = sorted(self.classes[self.senders[sender]])
        about = {"kind": "answers", "classifier": who, "classes": classes, "policy": encode(self.policy)}
        scope = self.scopes.get(sender.classifier, self.scopes.get("", []))
        return Folder.begin(path, {**about, "scope": scope} if scope else about)

    def _complete(self, folder: Folder, s: int) -> None:
        examples = [
            {"rule": rule, "file": Path(file).name, "position": position, "detail": detail}
            for rule, found in self.findings.examples.items()
            for file, position, detail in found
        ]
        faults = {k: v for k, v in self.findings.counts.items() if v}
        folder.complete(counts=self.counts[s], faults=faults, examples=examples, reader=self.reader)


def _micros(values: NDArray[np.float64]) -> NDArray[np.int64]:
    known = np.isfinite(values) & (np.abs(values) < 2**62)
    return np.where(known, np.where(known, values, 0).round().astype(np.int64), NO_TIME)
