"""Class trees: ids, names, parents, and maps between taxonomies and their versions.

The tree is an explicit table (``taxonomies/elasticc2.json``), never digit arithmetic: zeroing the
last digit of 1000 or 2000 would make them children of Meta. The ELAsTiCC2 ids are the ones that
truth, answers and scores use; ELAsTiCC-1, SNANA and PLAsTiCC ids and TNS names are mapped to them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brokerbench.errors import UnknownName, did_you_mean

__all__ = ["ELASTICC2", "NOT_CLASSIFIED", "PLASTICC", "RESIDUAL", "Plasticc", "Taxonomy"]

RESIDUAL = 200
"""ELAsTiCC2 id for probability that a classifier gives to none of its classes."""

NOT_CLASSIFIED = 300
"""ELAsTiCC2 id for "received, chose not to classify"."""

_UNMAPPED = -1


@lru_cache(maxsize=4)
def _load(name: str) -> dict[str, Any]:
    return json.loads((files("brokerbench") / "taxonomies" / f"{name}.json").read_text())


class Taxonomy:
    """A forest of classes, read from ``taxonomies/NAME.json``."""

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def _nodes(self) -> Mapping[int, Mapping[str, Any]]:
        return {node["id"]: node for node in _load(self.name)["nodes"]}

    @cached_property
    def _children(self) -> Mapping[int | None, tuple[int, ...]]:
        children: dict[int | None, list[int]] = {}
        for node in self._nodes.values():
            children.setdefault(node["parent"], []).append(node["id"])
        return {parent: tuple(ids) for parent, ids in children.items()}

    @cached_property
    def ids(self) -> tuple[int, ...]:
        """All class ids, ascending."""
        return tuple(sorted(self._nodes))

    @cached_property
    def leaves(self) -> tuple[int, ...]:
        """Ids without children, ascending; ``.../Other``, Residual and NotClassified among them."""
        return tuple(i for i in self.ids if i not in self._children)

    @cached_property
    def roots(self) -> tuple[int, ...]:
        """Ids without a parent."""
        return self._children[None]

    def _node(self, class_id: int) -> Mapping[str, Any]:
        node = self._nodes.get(int(class_id))
        if node is None:
            raise UnknownName(
                f"taxonomy {self.name}: expected a class id, got {class_id}; "
                f"{did_you_mean(class_id, self.ids)}"
            )
        return node

    def name_of(self, class_id: int) -> str:
        """The name of a class, e.g. ``"Ia"``."""
        return self._node(class_id)["name"]

    def id_of(self, name: str) -> int:
        """The id of a class by its name or a TNS name; case does not matter."""
        found = self._names.get(name.casefold())
        if found is None:
            raise UnknownName(
                f"taxonomy {self.name}: expected a class name, got {name!r}; "
                f"{did_you_mean(name, [n['name'] for n in self._nodes.values()])}"
            )
        return found

    @cached_property
    def _names(self) -> Mapping[str, int]:
        names = {alias.casefold(): i for i, node in self._nodes.items() for alias in node["tns"]}
        return names | {node["name"].casefold(): i for i, node in self._nodes.items()}

    def parent(self, class_id: int) -> int | None:
        """The parent of a class, None for a root."""
        return self._node(class_id)["parent"]

    def children(self, class_id: int) -> tuple[int, ...]:
        """The children of a class."""
        self._node(class_id)
        return self._children.get(int(class_id), ())

    def ancestors(self, class_id: int) -> tuple[int, ...]:
        """The classes above, from the root down, the class itself not among them."""
        above: list[int] = []
        parent = self.parent(class_id)
        while parent is not None:
            above.insert(0, parent)
            parent = self.parent(parent)
        return tuple(above)

    def descendants(self, class_id: int) -> tuple[int, ...]:
        """The classes below, ascending, the class itself not among them."""
        below: list[int] = []
        for child in self.children(class_id):
            below += [child, *self.descendants(child)]
        return tuple(sorted(below))

    def depth(self, class_id: int) -> int:
        """0 for a root."""
        return len(self.ancestors(class_id))

    def is_known(self, class_ids: ArrayLike) -> NDArray[np.bool_]:
        """Whether each id is one of the taxonomy, bool of the same shape."""
        return np.isin(np.asarray(class_ids), self.ids)

    def from_v1(self, class_ids: ArrayLike) -> NDArray[np.int32]:
        """ELAsTiCC-1 ids as ELAsTiCC2 ids, i4 of the same shape, -1 where there is no such id."""
        table = {n["v1"]: i for i, n in self._nodes.items() if n["v1"] is not None}
        return _map(class_ids, table)

    def from_gentype(self, gentypes: ArrayLike) -> NDArray[np.int32]:
        """Classes of ELAsTiCC's SNANA gentypes, i4 of the same shape, -1 where none is mapped."""
        table = {g: i for i, n in self._nodes.items() for g in n["gentypes"]}
        leaves = {g: i for g, i in table.items() if not self.children(i)}
        return _map(gentypes, leaves)


class Plasticc:
    """The targets of PLAsTiCC: ids, names, Kaggle weights and maps to ELAsTiCC2."""

    @cached_property
    def _targets(self) -> Mapping[int, Mapping[str, Any]]:
        return {t["id"]: t for t in _load("plasticc")["targets"]}

    @cached_property
    def ids(self) -> tuple[int, ...]:
        """All target ids, ascending, the split-up unknown class (991 .. 995) among them."""
        return tuple(sorted(self._targets))

    @cached_property
    def weights(self) -> Mapping[int, int]:
        """Weights of the Kaggle metric by target id; the sum is 18."""
        return {i: t["weight"] for i, t in self._targets.items() if t["weight"]}

    def name_of(self, target: int) -> str:
        """The name of a target, e.g. ``"SNIa"``."""
        if target not in self._targets:
            raise UnknownName(
                f"taxonomy plasticc: expected a target, got {target}; {did_you_mean(target, self.ids)}"
            )
        return self._targets[target]["name"]

    def to_elasticc2(self, targets: ArrayLike) -> NDArray[np.int32]:
        """ELAsTiCC2 ids of targets, i4 of the same shape, -1 where there is none."""
        table = {i: t["elasticc2"] for i, t in self._targets.items() if t["elasticc2"] is not None}
        return _map(targets, table)

    def from_snana(self, models: ArrayLike) -> NDArray[np.int32]:
        """Targets of PLAsTiCC's SNANA model ids, i4 of the same shape, -1 where none is mapped."""
        return _map(models, {m: i for i, t in self._targets.items() for m in t["snana"]})

    def weights_of(self, class_ids: Sequence[int]) -> NDArray[np.float64]:
        """Kaggle weight of each ELAsTiCC2 class, f8[n]; 1 for a class that PLAsTiCC did not have."""
        by_class: dict[int, int] = {}
        for target, weight in self.weights.items():
            mapped = self._targets[target]["elasticc2"]
            if mapped is not None:
                by_class[mapped] = weight
        return np.array([by_class.get(int(c), 1) for c in class_ids], dtype="f8")


def _map(values: ArrayLike, table: Mapping[int, int]) -> NDArray[np.int32]:
    flat = np.asarray(values, dtype=np.int64)
    keys = np.array(sorted(table), dtype=np.int64)
    mapped = np.array([table[k] for k in keys.tolist()], dtype=np.int32)
    at = np.clip(np.searchsorted(keys, flat), 0, len(keys) - 1)
    return np.where(keys[at] == flat, mapped[at], np.int32(_UNMAPPED)).astype(np.int32)


def names(taxonomy: Taxonomy, class_ids: Iterable[int]) -> list[str]:
    """Names of several classes."""
    return [taxonomy.name_of(i) for i in class_ids]


ELASTICC2 = Taxonomy("elasticc2")
PLASTICC = Plasticc()
