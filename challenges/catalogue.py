"""What can be named, and the reference pages that are made from the code."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path

from brokerbench import tables
from brokerbench.errors import UnknownName, did_you_mean
from brokerbench.registry import Registry
from brokerbench.store import atomic_write
from brokerbench.tables import Table, columns
from brokerbench.taxonomy import ELASTICC2
from challenges.challenge import challenge_names, find_challenge
from reference_brokers.protocol import BROKERS
from scoring.registries import METRICS
from scoring.registries import READERS as SUBMISSION_READERS
from simulate.registries import CADENCES, EXPORTS, HOSTS, READERS, SOURCES
from streamer.schemas import SCHEMAS

__all__ = ["REGISTRIES", "catalogue", "pages", "write_pages"]

REGISTRIES: Mapping[str, Registry] = {
    "sources": SOURCES,
    "cadences": CADENCES,
    "hosts": HOSTS,
    "readers": READERS,
    "exports": EXPORTS,
    "schemas": SCHEMAS,
    "brokers": BROKERS,
    "metrics": METRICS,
    "submissions": SUBMISSION_READERS,
}
"""Every registry of the house by the word that the command line uses."""

_MADE = "<!-- made by `brokerbench docs`; edit the code it is made from -->\n"


def catalogue(what: str = "") -> dict[str, list[str]]:
    """Names by kind; of one kind alone where `what` is given."""
    everything = {kind: list(registry) for kind, registry in REGISTRIES.items()}
    everything["challenges"] = challenge_names()
    if not what:
        return everything
    if what not in everything:
        raise UnknownName(f"list: expected a kind of thing, got {what!r}; {did_you_mean(what, everything)}")
    return {what: everything[what]}


def pages() -> dict[str, str]:
    """The pages in Markdown that are made from the code, by file name below docs/.

    Those below ``reference/`` follow the registries, to which anybody adds with one file; they are made
    by ``make docs`` and not kept in the repository.
    """
    made = {"tables.md": _tables_page(), "taxonomy.md": _taxonomy_page()}
    for kind, registry in REGISTRIES.items():
        made[f"reference/{kind}.md"] = _registry_page(kind, registry)
    made["reference/challenges.md"] = _challenges_page()
    return {name: _MADE + text for name, text in made.items()}


def write_pages(folder: Path) -> list[Path]:
    """The paths of the reference pages, written to `folder`."""
    written = []
    for name, text in pages().items():
        with atomic_write(folder / name, "w") as file:
            file.write(text)
        written.append(folder / name)
    return written


def _markdown_table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    names = list(header)
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    for row in rows:
        lines.append(f"| {' | '.join(str(cell).replace('|', '&#124;') for cell in row)} |")
    return "\n".join(lines) + "\n"


def _doc(thing: object) -> str:
    return inspect.cleandoc(getattr(thing, "__doc__", None) or "")


def _tables_page() -> str:
    kinds = [
        kind
        for kind in vars(tables).values()
        if isinstance(kind, type) and issubclass(kind, Table) and kind is not Table
    ]
    text = [f"# Tables\n\n{_doc(tables)}\n"]
    for kind in kinds:
        ragged = "offsets" in kind.__dataclass_fields__
        rows = (
            [("offsets", "int64 [n + 1]", "", "row i owns items offsets[i]:offsets[i + 1]")] if ragged else []
        )
        for c in columns(kind):
            dtype = "text" if c.dtype.kind == "O" else c.dtype.name
            width = "" if c.width is None else f" [{c.width or 'C'}]"
            rows.append((c.name, f"{dtype}{width}{' (item)' if c.items else ''}", c.unit, c.doc))
        text.append(
            f"## {kind.__name__}\n\n{_doc(kind)}\n\n"
            + _markdown_table(("column", "type", "unit", "meaning"), rows)
        )
    return "\n".join(text)


def _taxonomy_page() -> str:
    rows = [
        (i, "&nbsp;" * 4 * ELASTICC2.depth(i) + ELASTICC2.name_of(i), ELASTICC2.parent(i) or "")
        for root in ELASTICC2.roots
        for i in (root, *_walk(root))
    ]
    return "# Taxonomy\n\nClass ids of ELAsTiCC2, parents as an explicit table.\n\n" + _markdown_table(
        ("id", "name", "parent"), rows
    )


def _walk(class_id: int) -> list[int]:
    found: list[int] = []
    for child in ELASTICC2.children(class_id):
        found += [child, *_walk(child)]
    return found


def _registry_page(kind: str, registry: Registry) -> str:
    text = [f"# {kind.capitalize()}\n"]
    for name in registry:
        module = importlib.import_module(f"{registry.package}.{name}")
        text.append(f"## {name}\n\n{_doc(module)}\n")
        parameters = getattr(registry[name], "parameters", None)
        if isinstance(parameters, Mapping):
            rows = [
                (key, getattr(value, "unit", value), getattr(value, "doc", ""))
                for key, value in parameters.items()
            ]
            text.append(_markdown_table(("parameter", "unit", "meaning"), rows))
    return "\n".join(text)


def _challenges_page() -> str:
    rows = []
    for name in challenge_names():
        challenge = find_challenge(name)
        sources = ", ".join(p.source for p in challenge.population)
        rows.append((name, challenge.version, challenge.summary, sources))
    return "# Challenges\n\n" + _markdown_table(("name", "version", "summary", "classes"), rows)
