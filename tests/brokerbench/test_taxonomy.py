"""The taxonomy is the published one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from brokerbench.errors import UnknownName
from brokerbench.taxonomy import ELASTICC2, PLASTICC, Taxonomy, names


def test_the_tree_is_the_published_one(shared_data: Path) -> None:
    published = json.loads((shared_data.parent / "reference" / "taxonomy.json").read_text())
    assert ELASTICC2.ids == tuple(sorted(n["id"] for n in published["nodes"]))
    for node in published["nodes"]:
        assert ELASTICC2.name_of(node["id"]) == node["name"]
        assert ELASTICC2.parent(node["id"]) == node["parent"]
        if node["v1"] is not None:
            assert ELASTICC2.from_v1([node["v1"]]).tolist() == [node["id"]]


def test_counts_are_those_of_the_tree() -> None:
    assert len(ELASTICC2.ids) == 42
    assert len(ELASTICC2.leaves) == 32
    assert ELASTICC2.roots == (0, 1000, 2000)


def test_parents_are_explicit_where_digits_would_lie() -> None:
    assert ELASTICC2.parent(1000) is None  # zeroing its last digit would say Meta
    assert ELASTICC2.parent(2000) is None
    assert ELASTICC2.ancestors(2222) == (2000, 2200, 2220)
    assert ELASTICC2.depth(2222) == 3
    assert set(ELASTICC2.descendants(2320)) == {2321, 2322, 2323, 2324, 2325, 2326}
    assert ELASTICC2.children(2222) == ()


def test_v1_ids_follow_the_published_rule() -> None:
    # Prefix 2, add 1 to every digit, pad with 0 to four digits; only 0 (Static/Other) is special.
    for v1 in (1, 10, 11, 110, 111, 115, 12, 120, 135, 2, 21, 215, 22, 221):
        rule = int(("2" + "".join(str(int(d) + 1) for d in str(v1))).ljust(4, "0"))
        assert ELASTICC2.from_v1([v1]).tolist() == [rule]
    assert ELASTICC2.from_v1([0]).tolist() == [1100]


def test_unknown_numbers_map_to_minus_one() -> None:
    assert ELASTICC2.from_v1(np.array([[111, 999]])).tolist() == [[2222, -1]]
    assert ELASTICC2.from_gentype([10, 20, 60, 81]).tolist() == [2222, 2223, 2332, -1]
    assert PLASTICC.to_elasticc2([90, 99]).tolist() == [2222, -1]


def test_all_pair_instability_models_are_one_class_and_lensed_supernovae_have_none() -> None:
    """elasticc_origmap.txt: 57, 58, 59 PISN; 71 to 74 strongly lensed, which the class map leaves out."""
    assert ELASTICC2.from_gentype([57, 58, 59]).tolist() == [2246] * 3
    assert ELASTICC2.from_gentype([71, 72, 73, 74, 98]).tolist() == [-1] * 5


def test_names_are_found_with_any_case_and_by_tns_name() -> None:
    assert ELASTICC2.id_of("rr lyrae") == 2323
    assert ELASTICC2.id_of("SN IIP") == 2224
    assert names(ELASTICC2, [2222, 2332]) == ["Ia", "AGN"]


def test_every_id_has_a_distinct_name() -> None:
    assert len({ELASTICC2.name_of(i) for i in ELASTICC2.ids}) == 42


def test_is_known() -> None:
    assert ELASTICC2.is_known([2222, 111]).tolist() == [True, False]


def test_plasticc_weights_sum_to_18() -> None:
    assert sum(PLASTICC.weights.values()) == 18
    assert PLASTICC.weights[64] == PLASTICC.weights[15] == PLASTICC.weights[99] == 2
    assert PLASTICC.weights_of([2222, 2232, 2243, 2324]).tolist() == [1, 2, 2, 1]


def test_plasticc_models_are_not_elasticc_gentypes() -> None:
    assert PLASTICC.from_snana([70, 60, 11]).tolist() == [88, 95, 90]
    assert ELASTICC2.from_gentype([60]).tolist() == [2332]
    assert PLASTICC.name_of(88) == "AGN"


def test_an_unknown_class_is_an_error_with_a_hint() -> None:
    with pytest.raises(UnknownName, match="expected a class id, got 2223456"):
        ELASTICC2.name_of(2223456)
    with pytest.raises(UnknownName, match="did you mean 'Cepheid'"):
        ELASTICC2.id_of("Cepheids")
    with pytest.raises(UnknownName, match="expected a target, got 93"):
        PLASTICC.name_of(93)


def test_a_taxonomy_needs_its_file() -> None:
    with pytest.raises(FileNotFoundError):
        _ = Taxonomy("nothing").ids
