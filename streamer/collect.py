"""Classification messages into Classifications and Rejects, with books that balance."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brokerbench import ids
from brokerbench.errors import AccountingError, InputError
from brokerbench.store import Folder, write_table
from brokerbench.table import items_of
from brokerbench.tables import NO_TIME, Classifications, Ledger
from brokerbench.taxonomy import ELASTICC2, RESIDUAL, Taxonomy
from streamer.alerts import part_numbers
from streamer.layouts import known_layouts
from streamer.received import Answers, decode_answers, modern_ids
from streamer.rejects import RejectFiles, invalid_answers
from streamer.spill import ROW, Spill, Spilled
from streamer.transports import MessageBatch, Transport

__all__ = ["AnswerSummary", "collect"]

TOLERANCE = 1e-3
"""Answers whose probabilities differ from 1 in sum by more are counted; they are kept as they are."""
MOST_CLASSIFIERS = 1000
_POLL = 8192


@dataclass(frozen=True)
class AnswerSummary:
    """The books of one classifier: received = accepted + duplicate + orphan + invalid."""

    name: str
    classifier: dict[str, str]
    classes: tuple[int, ...]
    counts: dict[str, int]


def collect(
    run: Folder, transport: Transport, topics: Sequence[str], *, taxonomy: Taxonomy = ELASTICC2
) -> list[AnswerSummary]:
    """Read the answers in some topics into RUN/answers and RUN/rejects; one summary a classifier.

    Of several answers to one alert the first one counts. Times come from the transport alone.
    Raises AccountingError where received is not accepted + rejected. An answer is what one classifier
    says in one message.
    """
    target, rejected = run.path / "answers", run.path / "rejects"
    if target.exists():
        raise InputError(f"{target}: expected a run without answers, got some; remove them first")
    ledger = Folder.open(run.path / "ledger", kind="ledger")
    work = run.path / "answers.partial"
    for left in (work, run.path / "rejects.partial", rejected):
        shutil.rmtree(left, ignore_errors=True)  # of a collect that was killed
    collector = _Collector(run, ledger, work / ".spill", taxonomy)
    with RejectFiles(run.path / "rejects.partial", list(topics)) as rejects:
        for topic in topics:
            for messages in _messages(transport, topic):
                collector.receive(messages, rejects)
        work.mkdir(parents=True, exist_ok=True)
        summaries = [collector.write(work, i, rejects) for i in range(len(collector.senders))]
        collector.balance(rejects)
        rejects.complete()
    shutil.rmtree(work / ".spill", ignore_errors=True)
    os.replace(run.path / "rejects.partial", rejected)
    os.replace(work, target)
    return summaries


def _messages(transport: Transport, topic: str) -> Iterator[MessageBatch]:
    if topic not in transport.topics():
        raise InputError(f"{topic}: expected a topic of answers, got none; run a broker first")
    consumer = transport.consumer(topic)
    try:
        while True:
            messages = consumer.poll(_POLL, 0.05)
            if len(messages):
                yield messages
            elif consumer.drained():
                return
    finally:
        consumer.close()


@dataclass
class _Books:
    accepted: int = 0
    duplicate: int = 0
    orphan: int = 0
    invalid: int = 0
    conflicting: int = 0
    unnormalised: int = 0
    old_ids: int = 0


class _Collector:
    """Sorts messages into buckets of classifier and part, then joins each bucket with the ledger."""

    def __init__(self, run: Folder, ledger: Folder, spill: Path, taxonomy: Taxonomy) -> None:
        self._ledger, self._taxonomy = ledger, taxonomy
        self._seed = int(run.manifest["seed"])
        self.parts = ledger.parts
        numbers = [part_numbers(p) for p in self.parts]
        self._part_of = np.array([(p << ids.CHUNK_BITS) + c for p, c in numbers], "i8")
        self._order = np.argsort(self._part_of)
        self._spill = Spill(spill)
        self.senders: dict[tuple[str, str, str, str], int] = {}
        self._classes: list[set[int]] = []
        self._books: list[_Books] = []
        self._topics: list[str] = []
        self._layouts: dict[str, str] = {}
        self.received = self.accepted = 0

    def receive(self, messages: MessageBatch, rejects: RejectFiles) -> None:
        """Check a batch of messages and put the good ones into their buckets."""
        if messages.topic not in self._topics:
            self._topics.append(messages.topic)
        layout = self._layouts.get(messages.topic, "")
        answers, wrong, layout = decode_answers(messages.values, layout)
        self.received += len(answers.rows) + len(wrong)
        if layout:
            self._layouts[messages.topic] = layout
            answers, old = modern_ids(answers, known_layouts()[layout], self._taxonomy)
        else:
            old = np.zeros(0, "?")
        rejects.add(messages, [(row, "malformed", detail) for row, detail in wrong])
        sender, over = self._known_senders(answers)
        invalid = {**invalid_answers(answers, self._taxonomy), **over}
        for s in np.unique(sender[(sender >= 0)]) if old.any() else ():
            self._books[s].old_ids += int(old[sender == s].sum())
        part = self._parts(answers.alert_id)
        orphan = {int(i): f"alert {answers.alert_id[i]} was never sent" for i in np.flatnonzero(part < 0)}
        rows = answers.rows
        rejects.add(messages, [(int(rows[i]), "invalid", why) for i, why in invalid.items()])
        lost = [(int(rows[i]), "orphan", why) for i, why in orphan.items() if i not in invalid]
        rejects.add(messages, lost)
        for i in invalid:
            if sender[i] >= 0:
                self._books[sender[i]].invalid += 1
        for i in orphan:
            if i not in invalid:
                self._books[sender[i]].orphan += 1
        good = np.ones(len(rows), "?")
        good[[*invalid, *orphan]] = False
        self._put(messages, answers, np.flatnonzero(good), sender, part)

    def _known_senders(self, answers: Answers) -> tuple[NDArray[np.int64], dict[int, str]]:
        numbers = []
        for sender in answers.senders:
            if sender not in self.senders and len(self.senders) < MOST_CLASSIFIERS:
                self.senders[sender] = len(self.senders)
                self._classes.append(set())
                self._books.append(_Books())
            numbers.append(self.senders.get(sender, -1))
        index = np.array(numbers, "i8")[answers.sender] if numbers else np.empty(0, "i8")
        text = f"expected at most {MOST_CLASSIFIERS} classifiers, got more"
        return index, {int(i): text for i in np.flatnonzero(index < 0)}

    def _parts(self, alert_id: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index of the part of each alert, -1 where no part of this run could have sent it."""
        possible = (alert_id >= 0) & (alert_id < 1 << ids.BITS)
        serial = ids.unpermute(self._seed, "alert", np.where(possible, alert_id, 0)) >> ids.ROW_BITS
        if not len(self._part_of):
            return np.full(len(alert_id), -1, "i8")
        known = self._part_of[self._order]
        at = np.minimum(np.searchsorted(known, serial), len(known) - 1)
        return np.where(possible & (known[at] == serial), self._order[at], -1)

    def _put(
        self,
        messages: MessageBatch,
        answers: Answers,
        good: NDArray[np.int64],
        sender: NDArray[np.int64],
        part: NDArray[np.int64],
    ) -> None:
        at = answers.rows[good]
        counts = np.diff(answers.offsets)[good]
        table = np.zeros(len(good), ROW)
        table["topic"] = self._topics.index(messages.topic)
        table["partition"], table["offset"] = messages.partition[at], messages.offset[at]
        table["alert_id"], table["published"] = answers.alert_id[good], messages.timestamp[at]
        table["claimed_publish"] = answers.claimed_publish[good]
        table["claimed_ingest"] = answers.claimed_ingest[good]
        table["pairs"] = counts
        bucket = sender[good] * max(1, len(self.parts)) + part[good]
        of = np.repeat(np.arange(len(good)), counts)
        pair = items_of(answers.offsets[good], counts)
        class_id, probability = answers.class_id[pair], answers.probability[pair]
        total = np.bincount(of, probability, minlength=len(good))
        for s in np.unique(sender[good]):
            mine = sender[good] == s
            self._classes[s] |= set(np.unique(class_id[mine[of]]).tolist())
            self._books[s].unnormalised += int((np.abs(total[mine] - 1) > TOLERANCE).sum())
        self._spill.put(Spilled(table, class_id, probability), bucket)

    def write(self, folder: Path, number: int, rejects: RejectFiles) -> AnswerSummary:
        """Join one classifier's buckets with the ledger and write its folder."""
        sender = list(self.senders)[number]
        classifier = dict(zip(("broker", "version", "name", "params"), sender, strict=True))
        classes = np.array(sorted(self._classes[number]) or [RESIDUAL], "i4")
        name = _folder_name(sender, folder)
        books = self._books[number]
        about = {"kind": "answers", "classifier": classifier, "classes": classes.tolist()}
        out = Folder.begin(folder / name, about)
        for i, part in enumerate(self.parts):
            spilled = self._spill.take(number * max(1, len(self.parts)) + i)
            ledger = self._ledger.read("ledger", part, Ledger)
            table = self._join(spilled, ledger, number, classes, rejects)
            write_table(out.file("classifications", part), table)
            out.commit(part, [out.file("classifications", part)], messages=len(table))
            books.accepted += len(table)
        self.accepted += books.accepted
        counts = {"received": books.accepted + books.duplicate + books.orphan + books.invalid}
        counts |= {name: getattr(books, name) for name in ("accepted", "duplicate", "orphan", "invalid")}
        faults = {"conflicting_duplicates": books.conflicting, "sum_not_1": books.unnormalised}
        faults["class_ids_of_elasticc_1"] = books.old_ids
        out.complete(counts=counts, faults=faults)
        return AnswerSummary(name, classifier, tuple(classes.tolist()), counts)

    def _join(
        self, spilled: Spilled, ledger: Ledger, number: int, classes: NDArray[np.int32], rejects: RejectFiles
    ) -> Classifications:
        rows, books = spilled.rows, self._books[number]
        dense = spilled.dense(classes)
        by_id = np.argsort(ledger.alert_id)
        known = ledger.alert_id[by_id]
        at = np.searchsorted(known, rows["alert_id"])
        sent = np.zeros(len(rows), "?")
        sent[at < len(known)] = known[at[at < len(known)]] == rows["alert_id"][at < len(known)]
        for i in np.flatnonzero(~sent):
            books.orphan += 1
            rejects.put(self._topics, rows[i], "orphan", f"alert {rows['alert_id'][i]} was never sent")
        order = np.lexsort((rows["offset"], rows["partition"], rows["topic"], rows["published"]))
        order = order[sent[order]]
        _, first = np.unique(rows["alert_id"][order], return_index=True)
        again = np.setdiff1d(np.arange(len(order)), first)
        if len(again):
            accepted = order[first]  # sorted by alert id
            twin = accepted[np.searchsorted(rows["alert_id"][accepted], rows["alert_id"][order[again]])]
            for i, j in zip(order[again], twin, strict=True):
                same = bool(np.array_equal(dense[i], dense[j]))
                books.duplicate += 1
                books.conflicting += not same
                rejects.put(
                    self._topics, rows[i], "duplicate", "the same answer" if same else "another answer"
                )
        keep = order[np.sort(first)]
        row = by_id[at[keep]]
        return Classifications(
            alert_id=rows["alert_id"][keep].astype("i8"),
            object_id=ledger.object_id[row],
            classifier=np.full(len(keep), number, "i2"),
            sent=ledger.sent[row],
            published=rows["published"][keep].astype("i8"),
            received=np.full(len(keep), NO_TIME, "i8"),
            claimed_publish=rows["claimed_publish"][keep].astype("i8"),
            claimed_ingest=rows["claimed_ingest"][keep].astype("i8"),
            probability=dense[keep],
        )

    def balance(self, rejects: RejectFiles) -> None:
        """AccountingError unless every message received is accepted or rejected."""
        refused = sum(rejects.counts.values())
        if self.received != self.accepted + refused:
            raise AccountingError(
                f"collect: expected accepted + rejected = {self.received} received, got "
                f"{self.accepted} + {refused}"
            )


def _folder_name(sender: tuple[str, str, str, str], folder: Path) -> str:
    """A folder name for a classifier: its name, with version and number where that is taken."""
    broker, version, name, _ = sender
    for text in (name, f"{name}-{version}", f"{broker}-{name}-{version}"):
        safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in text).strip(".")[
            :80
        ]
        if safe and not (folder / safe).exists():
            return safe
    number = 2
    while (folder / f"classifier-{number}").exists():
        number += 1
    return f"classifier-{number}"
