"""The documentation says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from brokerbench import tables
from challenges.catalogue import REGISTRIES, pages


@pytest.mark.parametrize("name", ["tables.md", "taxonomy.md"])
def test_pages_made_from_the_code_are_up_to_date(root: Path, name: str) -> None:
    assert (root / "docs" / name).read_text() == pages()[name], "run `make docs`"


def test_every_table_has_a_section() -> None:
    page = pages()["tables.md"]
    for kind in vars(tables).values():
        if isinstance(kind, type) and issubclass(kind, tables.Table) and kind is not tables.Table:
            assert f"\n## {kind.__name__}\n" in page


def test_no_registry_is_empty_and_every_entry_is_described() -> None:
    for kind, registry in REGISTRIES.items():
        assert len(registry), kind
        page = pages()[f"reference/{kind}.md"]
        for name in registry:
            section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
            assert len(section.strip()) > 20, f"{kind}: {name}"


def test_links_between_pages_lead_somewhere(root: Path) -> None:
    made = {root / "docs" / name for name in pages()}
    broken = []
    for page in [*(root / "docs").rglob("*.md"), root / "README.md"]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            path = page.parent / target
            if not path.exists() and path not in made:
                broken.append(f"{page.relative_to(root)} -> {target}")
    assert broken == []


def test_the_readme_names_the_two_commands_first(root: Path) -> None:
    head = (root / "README.md").read_text()[:600]
    assert "make demo" in head
    assert "make test" in head
