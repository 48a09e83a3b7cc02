"""Answers of a run, scored against its truth."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from brokerbench.store import Folder, atomic_write, write_table
from brokerbench.tables import Confusion, Scores
from scoring.accounting import Books
from scoring.metric import Metric, chosen
from scoring.parallel import on_cluster, on_threads
from scoring.plans import make_plans
from scoring.scope import scoped
from scoring.slices import chosen_slices
from scoring.sources import Answers, RunParts, find_answers, open_run
from scoring.spec import Scoring
from scoring.summary import summary
from scoring.tally import Plan, Tally, merge, tally
from scoring.ties import Held, joint_given, merge_given, ties
from scoring.values import confusion_table, score_table

__all__ = ["Scoring", "score"]

MERGED_AT_ONCE = 32
"""Parts that are held before they are added: adding each alone would copy the large states each time."""


def score(
    run: Folder, *, spec: Scoring, out: Path | None = None, workers: int = 1, dask: str | None = None
) -> Folder:
    """The folder of scores of every classifier in a run, at `out` (RUN/scores where None).

    It holds scores.parquet (Scores), confusion.parquet (Confusion) and scores.json (everything a
    report needs); older scores at `out` are replaced when the new ones are whole. The numbers do
    not depend on `workers`, threads of this process, nor on the workers of the Dask cluster whose
    scheduler is at the address `dask` that count in their place. Raises AccountingError where the
    books do not balance, InputError where the run was not played or holds no answers, UnknownName for
    a metric or class.
    """
    metrics = chosen(spec.metrics)
    parts = open_run(run if dask is None else Folder(run.path.resolve()))
    answers = scoped(find_answers(parts.run, parts.parts), spec.scopes)
    plans = make_plans(parts, answers, spec, metrics)
    tallies, held = _tally_all(parts, answers, plans, workers=workers, dask=dask)
    books = [_books(a, t) for a, t in zip(answers, tallies, strict=True)]
    scores, confusions = [], []
    for a, t, plan in zip(answers, tallies, plans, strict=True):
        scores.append(score_table(a.label, t, plan=plan, metrics=metrics))
        confusions.append(confusion_table(a.label, t, plan))
    about = summary(parts, answers, tallies, plans=plans, books=books)
    about |= {"metrics": _described(metrics), "pairs": ties(held, [a.label for a in answers], plans)}
    return _write(out or run.path / "scores", about, Scores.concat(scores), Confusion.concat(confusions))


def _tally_all(
    parts: RunParts, answers: Sequence[Answers], plans: Sequence[Plan], *, workers: int, dask: str | None
) -> tuple[list[Tally], Held]:
    slices = chosen_slices(plans[0].spec.slices)

    def of_part(part: str) -> tuple[list[Tally], Held]:
        alerts = parts.sent(part, slices)
        tallies = [
            tally(alerts, a.part(part), plan, where=str(a.folder.file("classifications", part)))
            for a, plan in zip(answers, plans, strict=True)
        ]
        return tallies, joint_given(tallies, plans) if plans[0].spec.intervals else {}

    held: list[tuple[list[Tally], Held]] = []
    found = (
        on_threads(of_part, parts.parts, workers) if dask is None else on_cluster(of_part, parts.parts, dask)
    )
    for one in found:
        held.append(one)
        if len(held) > MERGED_AT_ONCE:
            held = [_merge_all(held, plans)]
    return _merge_all(held, plans)


def _merge_all(
    held: Sequence[tuple[Sequence[Tally], Held]], plans: Sequence[Plan]
) -> tuple[list[Tally], Held]:
    """The sum over parts for each classifier, and for each pair."""
    tallies = [merge([part[0][i] for part in held], plan) for i, plan in enumerate(plans)]
    return tallies, merge_given([part[1] for part in held])


def _books(answers: Answers, counted: Tally) -> Books:
    c = counted.counted
    books = Books(c.sent, c.on_time, c.late, c.missing, **answers.counts)
    books.check(where=str(answers.folder.path))
    return books


def _described(metrics: dict[str, Metric]) -> dict[str, Any]:
    return {
        name: {
            "version": m.version,
            "title": m.title,
            "direction": m.direction,
            "low": m.low if np.isfinite(m.low) else None,
            "high": m.high if np.isfinite(m.high) else None,
            "per_class": m.per_class,
            "history": m.history,
        }
        for name, m in metrics.items()
    }


def _write(out: Path, about: dict[str, Any], scores: Scores, confusion: Confusion) -> Folder:
    if out.exists():
        Folder.open(out, kind="scores")  # never replace what is not scores
    following = out.with_name(f"{out.name}.next")
    shutil.rmtree(following, ignore_errors=True)
    folder = Folder.begin(following, {"kind": "scores", "run": about["run"], "spec": about["spec"]})
    files = [folder.path / name for name in ("scores.parquet", "confusion.parquet", "scores.json")]
    write_table(files[0], scores)
    write_table(files[1], confusion)
    with atomic_write(files[2], "w") as file:
        json.dump(about, file, indent=1, allow_nan=False)
        file.write("\n")
    folder.commit("all", files)
    folder.complete()
    if out.exists():
        former = out.with_name(f"{out.name}.former")
        shutil.rmtree(former, ignore_errors=True)
        os.replace(out, former)
        os.replace(following, out)
        shutil.rmtree(former)
    else:
        os.replace(following, out)
    return Folder.open(out, kind="scores")
