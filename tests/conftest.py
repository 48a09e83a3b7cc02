"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from brokerbench.errors import InputError
from streamer import local_kafka

ROOT = Path(__file__).resolve().parent.parent


def missing(reason: str) -> NoReturn:
    """Fail in CI, where everything a test needs is installed; skip with the reason elsewhere."""
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(f"{reason}; CI must provide it")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real public data beside the checkout."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        missing("the real data in ../shared/data is not here")
    return folder


@pytest.fixture(scope="session")
def chromium() -> tuple[str, str]:
    """Paths of Chromium and its driver."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if not browser or not driver:
        missing("chromium and chromedriver are not installed")
    return browser, driver


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[local_kafka.LocalKafka]:
    """A real Kafka broker on 127.0.0.1."""
    try:
        local_kafka.java()
        local_kafka.jars(ROOT / ".cache" / "kafka")
    except InputError as error:
        missing(str(error))
    folder = tmp_path_factory.mktemp("kafka")
    yield local_kafka.up(folder, cache=ROOT / ".cache" / "kafka")
    local_kafka.down(folder)
