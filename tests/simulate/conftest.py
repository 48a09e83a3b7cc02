"""Fixtures of this room."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def sncosmo_data(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of model files, set as SNCOSMO_DATA_DIR."""
    folder = shared_data / "sncosmo_data"
    monkeypatch.setenv("SNCOSMO_DATA_DIR", str(folder))
    return folder


@pytest.fixture
def files(request: pytest.FixtureRequest) -> None:
    """Model files for the class under test (parameter `name`), if it needs any."""
    from simulate import SOURCES

    if SOURCES[request.getfixturevalue("name")].needs_files:
        request.getfixturevalue("sncosmo_data")
