"""Fixtures of this room."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import missing


@pytest.fixture
def sncosmo_data(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of model files, set as SNCOSMO_DATA_DIR."""
    folder = shared_data / "sncosmo_data"
    monkeypatch.setenv("SNCOSMO_DATA_DIR", str(folder))
    return folder


@pytest.fixture
def kasen17_dir(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of kilonova models, set as KILONOVA_KASEN17_DIR."""
    folder = shared_data / "08_model_inputs" / "kilonova_kasen17"
    monkeypatch.setenv("KILONOVA_KASEN17_DIR", str(folder))
    return folder


FILES = {"SNCOSMO_DATA_DIR": "sncosmo_data", "KILONOVA_KASEN17_DIR": "kasen17_dir"}
"""The fixture that sets each variable."""


@pytest.fixture
def files(request: pytest.FixtureRequest) -> None:
    """Model files for the class under test (parameter `name`), if it needs any."""
    from simulate import SOURCES

    source = SOURCES[request.getfixturevalue("name")]
    if source.needs_files:
        request.getfixturevalue(FILES[source.needs_files[0]])
    if source.needs_package and find_spec(source.needs_package[0]) is None:
        missing(f"the extra {source.needs_package[1]} is not installed")
