"""The scope of a partial classifier: the classes that it claims to tell apart, all else being rest.

Truth and probabilities are projected alike: a class goes to the deepest class of the scope that it is
or lies below, any other to 200 Residual. A classifier of one class is thus scored on that class
against the rest, one of broad classes on broad classes. Numbers of unlike scopes answer different
questions: labels carry the scope, and classifiers are ordered and compared within one scope alone.

A submission declares its scope itself: converted answers in their manifest (Policy.scope), streamed
ones in classifierParams, as ``scope=2222,2232``. The scoring specification has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError, UnknownName, did_you_mean
from brokerbench.taxonomy import ELASTICC2, NOT_CLASSIFIED, RESIDUAL
from scoring.snapshot import Layout, layout
from scoring.sources import Answers

__all__ = ["declared", "layout_of", "project", "scoped"]


def project(class_id: int, scope: Sequence[int]) -> int:
    """The deepest class of the scope that a class is or lies below; 200 Residual for none."""
    for candidate in (class_id, *reversed(ELASTICC2.ancestors(class_id))):
        if candidate in scope:
            return candidate
    return RESIDUAL


def layout_of(
    classes: Sequence[int], truth: Sequence[int], prior: NDArray[np.float64], scope: Sequence[int] = ()
) -> Layout:
    """The layout of a classifier of `classes`, projected to its scope where it has one.

    NotClassified stays what it is: a classifier that declines to say is not saying "rest".
    """
    whole = layout(classes, truth, prior)
    if not scope:
        return whole
    of_truth = [project(c, scope) for c in truth]
    names = tuple(sorted(set(of_truth)))
    row = np.array([names.index(c) for c in of_truth], np.int64)
    columns = tuple(sorted({*scope, RESIDUAL, NOT_CLASSIFIED}))
    given = [c if c == NOT_CLASSIFIED else project(c, scope) for c in classes]
    return Layout(
        truth=names,
        columns=columns,
        own=np.array([columns.index(c) for c in given], np.int64),
        target=np.array([columns.index(c) for c in names], np.int64),
        prior=np.bincount(row, weights=prior, minlength=len(names)).astype(np.float64),
        scope=tuple(sorted(scope)),
        whole=whole,
        row=row,
    )


def declared(answers: Answers) -> tuple[tuple[int, ...], str]:
    """The scope that a submission declares itself, and what is wrong with it where it has none for that.

    A text of a participant that cannot be read stops nobody's scores: it is no scope, and said so.
    Raises InputError for a manifest that holds something else than class ids.
    """
    where = answers.folder.path / "manifest.json"
    stated = answers.folder.manifest.get("scope", [])
    if stated:
        if not isinstance(stated, list) or _wrong(stated):
            raise InputError(f"{where}: expected a scope of class ids of ELAsTiCC2, got {stated!r}")
        return tuple(sorted(stated)), ""
    found = re.search(r"(?:^|[\s;,])scope\s*=\s*([^\s;]*)", answers.classifier.get("params", ""))
    if found is None:
        return (), ""
    ids = [int(text) if text.isdecimal() else -1 for text in found[1].split(",")]
    if _wrong(ids):
        return (), f"scope={found[1]}: expected class ids of ELAsTiCC2, each once, as in scope=2222,2232"
    return tuple(sorted(ids)), ""


def _wrong(ids: Sequence[object]) -> bool:
    known = all(isinstance(c, int) and ELASTICC2.is_known(c) for c in ids)
    return not known or len(set(ids)) != len(ids) or bool({RESIDUAL, NOT_CLASSIFIED} & set(ids))


def scoped(answers: Sequence[Answers], scopes: Mapping[str, Sequence[int]]) -> list[Answers]:
    """The same answers with their scopes, marked by them.

    A classifier that `scopes` names by folder or label has the scope given there ([]: none), any
    other the one that it declares. Raises UnknownName for a classifier or a class that is not there.
    """
    known = {a.folder.path.name for a in answers} | {a.label for a in answers}
    for name, scope in scopes.items():
        if name not in known:
            raise UnknownName(
                f"scoring.scopes: expected a classifier of the run, got {name!r}; {did_you_mean(name, known)}"
            )
        for class_id in scope:
            if not ELASTICC2.is_known(class_id):
                raise UnknownName(
                    f"scoring.scopes.{name}: expected class ids of ELAsTiCC2, got {class_id}; "
                    f"{did_you_mean(class_id, ELASTICC2.ids)}"
                )
    return [_marked(a, scopes) for a in answers]


def _marked(answers: Answers, scopes: Mapping[str, Sequence[int]]) -> Answers:
    own, fault = declared(answers)
    given = next((scopes[n] for n in (answers.folder.path.name, answers.label) if n in scopes), None)
    ids = own if given is None else tuple(sorted(given))
    source = "" if not ids else "submission" if given is None else "scoring"
    mark = f" [scope {', '.join(map(str, ids))}]" if ids else ""
    return replace(answers, scope=ids, scope_from=source, scope_fault=fault, label=f"{answers.label}{mark}")
