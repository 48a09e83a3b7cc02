"""Messages that are not accepted: why, and where they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from brokerbench.store import Folder, write_table
from brokerbench.tables import Rejects
from brokerbench.taxonomy import Taxonomy
from streamer.received import Answers
from streamer.transports import MessageBatch

__all__ = ["REASONS", "RejectFiles", "invalid_answers"]

REASONS = ("duplicate", "orphan", "invalid", "malformed")


def invalid_answers(answers: Answers, taxonomy: Taxonomy) -> dict[int, str]:
    """Answers that break the rules: index and what is wrong with the first fault found."""
    counts = np.diff(answers.offsets)
    of = np.repeat(np.arange(len(counts)), counts)
    wrong: dict[int, str] = {
        int(i): "expected a classification, got none" for i in np.flatnonzero(counts == 0)
    }
    p, c = answers.probability, answers.class_id
    unknown = ~taxonomy.is_known(c)
    outside = ~((p >= 0) & (p <= 1))
    order = np.lexsort((c, of))
    again = np.zeros(len(c), "?")
    again[order[1:]] = (of[order[1:]] == of[order[:-1]]) & (c[order[1:]] == c[order[:-1]])
    for i in np.flatnonzero(unknown | outside | again):
        if unknown[i]:
            why = f"expected a class id of {taxonomy.name}, got {c[i]}"
        elif outside[i]:
            why = f"expected a probability in 0..1, got {p[i]} for class {c[i]}"
        else:
            why = f"expected each class once, got {c[i]} again"
        wrong.setdefault(int(of[i]), why)
    return wrong


class RejectFiles:
    """Rejects of several topics, written some at a time."""

    _AT_A_TIME = 50_000

    def __init__(self, folder: Path, topics: list[str]) -> None:
        self._folders = {t: Folder.begin(folder / t, {"kind": "rejects", "topic": t}) for t in topics}
        self._rows: dict[str, list[tuple[int, int, str, str]]] = {t: [] for t in topics}
        self._files: dict[str, int] = dict.fromkeys(topics, 0)
        self._per_topic = {t: dict.fromkeys(REASONS, 0) for t in topics}
        self.counts = dict.fromkeys(REASONS, 0)

    def __enter__(self) -> RejectFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.clear()

    def add(self, messages: MessageBatch, rows: list[tuple[int, str, str]]) -> None:
        for row, reason, detail in rows:
            self._one(messages.topic, int(messages.partition[row]), int(messages.offset[row]), reason, detail)

    def put(self, topics: list[str], row: Any, reason: str, detail: str) -> None:
        self._one(topics[row["topic"]], int(row["partition"]), int(row["offset"]), reason, detail)

    def _one(self, topic: str, partition: int, offset: int, reason: str, detail: str) -> None:
        self.counts[reason] += 1
        self._per_topic[topic][reason] += 1
        self._rows[topic].append((partition, offset, reason, detail[:300]))
        if len(self._rows[topic]) >= self._AT_A_TIME:
            self._write(topic)

    def _write(self, topic: str) -> None:
        rows, self._rows[topic] = self._rows[topic], []
        folder, name = self._folders[topic], f"{self._files[topic]:05d}"
        text = np.empty((len(rows), 2), "O")
        text[:] = [r[2:] for r in rows] if rows else text
        table = Rejects(
            topic=np.full(len(rows), topic, "O"),
            partition=np.array([r[0] for r in rows], "i4"),
            offset=np.array([r[1] for r in rows], "i8"),
            reason=text[:, 0].copy(),
            detail=text[:, 1].copy(),
        )
        write_table(folder.file("rejects", name), table)
        folder.commit(name, [folder.file("rejects", name)], rejects=len(table))
        self._files[topic] += 1

    def complete(self) -> None:
        """Write what is left and the manifests."""
        for topic, folder in self._folders.items():
            if self._rows[topic] or not self._files[topic]:
                self._write(topic)
            folder.complete(counts=self._per_topic[topic])
