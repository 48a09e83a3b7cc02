"""Confusion at one level of the class tree: truth and probabilities collapsed before the arg-max."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scoring.snapshot import Layout, Snapshot, named
from scoring.states import Cells, Statistics
from scoring.tree import lineage

__all__ = ["BROAD", "GENERAL", "at_level"]


def at_level(class_id: int, depth: int) -> int:
    """The ancestor of a class at a depth (roots have 0), the class itself where it is not as deep.

    A shallow leaf is carried down: it stays a class of its own at deeper levels.
    """
    above = lineage(class_id)
    return above[depth] if len(above) > depth else (above[-1] if above else class_id)


@lru_cache(maxsize=64)
def _groups(
    truth: tuple[int, ...], columns: tuple[int, ...], depth: int
) -> tuple[tuple[int, ...], tuple[int, ...], NDArray[np.int64], NDArray[np.int64]]:
    of_truth = [at_level(c, depth) for c in truth]
    of_columns = [at_level(c, depth) for c in columns]
    names_true, names = tuple(sorted(set(of_truth))), tuple(sorted({*of_columns, *of_truth}))
    row = np.array([names_true.index(c) for c in of_truth], np.int64)
    column = np.array([names.index(c) for c in of_columns], np.int64)
    return names_true, names, row, column


def _level(name: str, depth: int) -> Cells:
    """The state of joint counts at one depth: ``cells`` i8[..., G, H + 1], no answer last."""

    def width(layout: Layout) -> int:
        return len(_groups(layout.truth, layout.columns, depth)[1]) + 1

    def cell(snapshot: Snapshot, _: NDArray) -> NDArray[np.int64]:
        _true, names, _row, column = _groups(snapshot.layout.truth, snapshot.layout.columns, depth)
        mass = np.zeros((len(snapshot.true), len(names)))
        for c, group in enumerate(column):
            mass[:, group] += snapshot.probability[:, c]
        tie = snapshot.layout.tie
        return np.where(snapshot.predicted < 0, len(names), named(mass, column[tie] if tie >= 0 else -1))

    def fold(layout: Layout, cells: NDArray, _: NDArray) -> Statistics:
        names_true, names, row, _column = _groups(layout.truth, layout.columns, depth)
        target = np.array([names.index(c) for c in names_true], np.int64)
        prior = np.bincount(row, weights=layout.prior, minlength=len(names_true)).astype(np.float64)
        grouped = np.stack([cells[..., row == g, :].sum(-2) for g in range(len(names_true))], -2)
        of_level = Layout(names_true, names, np.zeros(0, np.int64), target, prior)
        return Statistics(of_level, {"cells": grouped})

    return Cells(name, width=width, cell=cell, fold=fold)


BROAD = _level("level_1", 1)
"""Non-Recurring or Recurring."""

GENERAL = _level("level_2", 2)
"""SN-like, Fast, Long, Periodic or Non-Periodic."""
