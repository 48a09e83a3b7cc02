"""What every reader of light curves does, whatever its format."""

from __future__ import annotations

import inspect

import pytest

from brokerbench.errors import BrokerbenchError, ConfigError
from simulate.registries import READERS


def test_there_are_readers():
    assert "snana" in READERS


@pytest.mark.parametrize("name", list(READERS))
def test_a_reader_is_named_as_its_file_and_takes_the_same_arguments(name):
    reader = READERS[name]
    assert reader.name == name
    assert list(inspect.signature(reader.read).parameters) == ["folders", "out", "seed", "name", "options"]
    assert inspect.getdoc(reader)


@pytest.mark.parametrize("name", list(READERS))
def test_a_reader_refuses_what_is_not_there_and_leaves_nothing(name, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "nowhere", tmp_path / "empty"):
        with pytest.raises(BrokerbenchError, match=f"{folder.name}: expected .*, got (nothing|none)"):
            READERS[name].read([folder], tmp_path / "run", seed=1, name="x")
    assert [p.name for p in tmp_path.iterdir()] == ["empty"]


@pytest.mark.parametrize("name", list(READERS))
def test_a_reader_refuses_an_unknown_option(name, tmp_path):
    with pytest.raises(ConfigError, match=f"{name}: no_such_option: expected a known key"):
        READERS[name].read([tmp_path], tmp_path / "run", seed=1, name="x", options={"no_such_option": 1})
