"""A wrong configuration is an error that names file, key and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from brokerbench.config import Config, decode, encode, load
from brokerbench.errors import ConfigError, InputError


class Inner(Config):
    count: int
    scale: float = 1.0


class Checked(Config):
    low: int

    def __post_init__(self) -> None:
        if self.low < 0:
            raise ConfigError("checked.low: expected 0 or more")


class Outer(Config):
    name: str
    inner: Inner
    rows: list[Inner] = []
    by_name: dict[str, Inner] = {}
    maybe: Inner | None = None


GOOD = {"name": "a", "inner": {"count": 3}}


def test_a_good_table_is_decoded() -> None:
    outer = decode({**GOOD, "rows": [{"count": 1, "scale": 2}]}, Outer, where="x.toml")
    assert outer.rows[0].scale == 2.0
    assert encode(outer)["inner"] == {"count": 3, "scale": 1.0}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"nam": "b"}, r"x.toml: nam: expected a known key, got 'nam'; did you mean 'name'\?"),
        ({"inner": {"cuont": 3}}, r"inner.cuont: expected a known key, got 'cuont'; did you mean 'count'"),
        ({"rows": [{"count": 1}, {"coun": 1}]}, r"rows\[1\].coun: expected a known key"),
        ({"by_name": {"k": {"z": 1}}}, r"by_name.k.z: expected a known key"),
        ({"maybe": {"zz": 1}}, r"maybe.zz: expected a known key"),
        ({"inner": {"count": "three"}}, r"inner.count: expected int, got str"),
        ({"inner": {"scale": 1.0}}, r"inner.count: expected a value, got no such key"),
        ({"inner": 3}, r"inner: expected object, got int"),
    ],
)
def test_a_wrong_key_is_named_by_its_path(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        decode({**GOOD, **change}, Outer, where="x.toml")


def test_a_missing_key_at_the_top_is_named() -> None:
    with pytest.raises(ConfigError, match=r"x.toml: name: expected a value, got no such key"):
        decode({"inner": {"count": 1}}, Outer, where="x.toml")


def test_the_check_of_a_table_names_the_file() -> None:
    with pytest.raises(ConfigError, match="^x.toml: checked.low: expected 0 or more"):
        decode({"low": -1}, Checked, where="x.toml")


def test_a_file_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('name = "b"\n[inner]\ncount = 2\n')
    assert load(file, Outer).inner.count == 2


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a TOML file, got No such file"):
        load(tmp_path / "none.toml", Outer)


def test_bytes_that_are_not_text_are_an_error(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        load(file, Outer)


def test_broken_toml_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("name = \n")
    with pytest.raises(ConfigError, match="expected TOML, got .*line 1"):
        load(file, Outer)


class Dish(Config, frozen=True):
    taste: Literal["sweet", "salty"] = "sweet"
    heat: Literal["mild", "hot"] | None = None


class Menu(Config, frozen=True):
    dish: Dish = Dish()
    dishes: list[Dish] = []
    by_name: dict[str, Dish] = {}


@pytest.mark.parametrize(
    "raw, said",
    [
        ({"dish": {"taste": "sour"}}, "menu: dish.taste: expected one of 'sweet', 'salty', got 'sour'"),
        ({"dishes": [{}, {"taste": "sour"}]}, r"taste: expected one of 'sweet', 'salty', got 'sour'"),
        ({"by_name": {"a": {"heat": "cold"}}}, r"heat: expected one of 'mild', 'hot', got 'cold'"),
    ],
)
def test_a_value_that_is_no_choice_is_answered_with_the_choices(raw: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        decode(raw, Menu, where="menu")
