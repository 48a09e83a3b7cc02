"""A folder is a registry."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from brokerbench.errors import ConfigError, InputError, UnknownName
from brokerbench.registry import Registry, load_file


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    folder = tmp_path / "shelf_of_things"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "one.py").write_text("class T:\n    name = 'one'\nTHING = T()\n")
    (folder / "two.py").write_text("THING = 2\n")
    (folder / "three.py").write_text("")
    (folder / "_hidden.py").write_text("raise RuntimeError\n")
    (folder / "helper.py").write_text("raise RuntimeError\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield Registry("shelf_of_things", "THING", needs=("name",), skip=("helper",))
    for name in [n for n in sys.modules if n.startswith("shelf_of_things")]:
        del sys.modules[name]


def test_entries_are_the_files(shelf: Registry) -> None:
    assert list(shelf) == ["one", "three", "two"]
    assert len(shelf) == 3
    assert shelf["one"].name == "one"
    assert "helper" not in shelf


def test_listing_imports_nothing(shelf: Registry) -> None:
    list(shelf)
    assert "shelf_of_things.one" not in sys.modules


def test_an_unknown_name_is_an_error_with_a_hint(shelf: Registry) -> None:
    with pytest.raises(UnknownName, match="expected the name of a thing, got 'tow'; did you mean 'two'"):
        shelf["tow"]


def test_an_entry_without_the_attribute_is_an_error(shelf: Registry) -> None:
    with pytest.raises(ConfigError, match="three: expected a module that binds THING, got none"):
        shelf["three"]


def test_an_entry_of_the_wrong_shape_is_an_error(shelf: Registry) -> None:
    with pytest.raises(ConfigError, match="expected THING with name, got no name"):
        shelf["two"]


def test_any_file_can_be_an_entry(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from dataclasses import dataclass\n@dataclass(frozen=True)\n"
        "class T:\n    name: str = 'm'\nTHING = T()\n"
    )
    assert load_file(file, "THING", needs=("name",)).name == "m"


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a Python file, got nothing there"):
        load_file(tmp_path / "none.py", "THING")


def test_a_file_of_another_kind_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("x")
    with pytest.raises(InputError, match="expected a Python file, got '.txt'"):
        load_file(file, "THING")


def test_a_file_that_fails_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("1 / 0\n")
    with pytest.raises(InputError, match="expected a file that imports, got ZeroDivisionError"):
        load_file(file, "THING")
