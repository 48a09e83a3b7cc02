"""The house rules that a test can hold."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("brokerbench", "simulate", "streamer", "scoring", "reference_brokers", "challenges")
MAY_IMPORT = {
    "brokerbench": set(),
    "simulate": {"brokerbench"},
    "streamer": {"brokerbench"},
    "scoring": {"brokerbench"},
    "reference_brokers": {"brokerbench"},
    "challenges": {"brokerbench", "simulate", "streamer", "scoring", "reference_brokers"},
}


def imported_rooms(file: Path) -> set[str]:
    """Top-level rooms that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found & set(ROOMS)


def modules() -> list[Path]:
    return sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))


def test_every_room_has_modules() -> None:
    assert {file.relative_to(ROOT).parts[0] for file in modules()} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_imports_go_one_way(room: str) -> None:
    wrong = {
        str(file.relative_to(ROOT)): sorted(imported_rooms(file) - MAY_IMPORT[room] - {room})
        for file in sorted((ROOT / room).rglob("*.py"))
        if imported_rooms(file) - MAY_IMPORT[room] - {room}
    }
    assert not wrong, f"{room} may import {sorted(MAY_IMPORT[room])} alone"


def test_the_import_rule_sees_an_import_inside_a_function(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("def f():\n    from scoring.score import score\n    import simulate.rates as r\n")
    assert imported_rooms(file) == {"scoring", "simulate"}


def test_only_the_kafka_transport_imports_confluent_kafka() -> None:
    importers = [
        file.relative_to(ROOT).as_posix()
        for file in modules()
        if re.search(r"^\s*(import|from) confluent_kafka", file.read_text(), re.M)
    ]
    assert len(importers) > 1
    assert {name for name in importers if not name.startswith("streamer/transports/kafka")} == set()


def test_nothing_unpickles_or_evaluates() -> None:
    dangerous = re.compile(r"\b(import pickle|from pickle|joblib|eval\(|exec\(|yaml\.load\()")
    found = [str(file.relative_to(ROOT)) for file in modules() if dangerous.search(file.read_text())]
    assert found == []


def test_no_init_file_holds_code() -> None:
    allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Expr, ast.Try)
    for room in ROOMS:
        for file in (ROOT / room).rglob("__init__.py"):
            wrong = [n for n in ast.parse(file.read_text()).body if not isinstance(n, allowed)]
            assert not wrong, f"{file}: an __init__ re-exports and no more"


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    pattern = re.compile(r"(^|[\s\"'=(])/(work|root|home)/|(index-url|find-links)\b|://[^ ]*/simple\b")
    found = []
    for name in listed.stdout.split():
        file = ROOT / name
        if file == Path(__file__).resolve() or file.suffix in {".png", ".parquet"} or not file.is_file():
            continue
        if pattern.search(file.read_text(errors="replace")):
            found.append(name)
    assert found == []
