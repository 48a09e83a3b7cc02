"""What the type numbers of SNANA files mean. The same number names other classes in other challenges."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from brokerbench.config import Config
from brokerbench.errors import ConfigError, InputError
from brokerbench.taxonomy import ELASTICC2, PLASTICC
from simulate.readers import _snana_columns as snana
from simulate.readers._fits import FitsTable
from simulate.readers._run import GALACTIC

__all__ = ["Options", "classes", "model_name"]


class Options(Config, frozen=True):
    """How to read what the files do not say."""

    types: Literal["header", "elasticc", "plasticc", "plasticc_target"] = "header"
    """What the type numbers mean: ELAsTiCC's, PLAsTiCC's models or targets; header: by its evidence."""
    class_id: int | None = None
    """ELAsTiCC2 class of all objects, whatever their type."""
    detection_snr: float | None = None
    """Detected is flux > detection_snr x error, for files without detection flags."""


def model_name(head: FitsTable) -> str:
    """SNANA's name of the simulated model: GENVERSION, which VERSION carries with the job's marks."""
    version = str(head.primary.get("VERSION", ""))
    bare = re.sub(r"^TMP_[^_]+_|(_(NONIa|SNIa)MODEL\d+)?-\d{4}(_\d+)?$", "", version)
    return bare or head.path.parent.name


def classes(head: FitsTable, options: Options) -> NDArray[np.int32]:
    """ELAsTiCC2 class i4[n] of each object. InputError where the files do not say which."""
    n = len(head.rows)
    if options.class_id is not None:
        if not ELASTICC2.is_known([options.class_id])[0]:
            raise ConfigError(f"snana: class_id: expected an ELAsTiCC2 class, got {options.class_id}")
        return np.full(n, options.class_id, "i4")
    types = snana.optional(head, "SIM_TYPE_INDEX")
    if types is None:
        types = snana.need(head, "SNTYPE")
        types = np.where(types > 100, types - 100, types)  # 100 is added where no spectrum was taken
    types = types.astype("i8")
    meaning = _meaning(head, types) if options.types == "header" else options.types
    if meaning == "elasticc":
        class_id = ELASTICC2.from_gentype(types)
    else:
        targets = types if meaning == "plasticc_target" else PLASTICC.from_snana(types)
        class_id = PLASTICC.to_elasticc2(targets)
    if (class_id < 0).any():
        unknown = sorted(set(types[class_id < 0].tolist()))
        raise InputError(f"{head.path}: expected types of {meaning}, got {unknown}; set types or class_id")
    _check_redshifts(head, class_id, meaning)
    return class_id


def _meaning(head: FitsTable, types: NDArray[np.int64]) -> str:
    """elasticc or plasticc, by what the header says of itself; the same numbers mean other classes."""
    version = str(head.primary.get("VERSION", ""))
    texts = " ".join(str(v) for v in head.primary.values()).upper()
    if "ELASTICC" in texts:
        return "elasticc"
    model = re.search(r"_MODEL(\d+)", version)  # PLAsTiCC's names: LSST_WFD_MODEL11, LSST_DDF_MODEL90
    if "PLASTICC" in texts or (model and (types == int(model[1])).all()):
        return "plasticc"
    raise InputError(
        f"{head.path}: expected a VERSION that names ELASTICC or PLASTICC, got {version!r} with types "
        f"{sorted(set(types.tolist()))}; set types or class_id"
    )


def _check_redshifts(head: FitsTable, class_id: NDArray[np.int32], meaning: str) -> None:
    """InputError where the redshifts contradict the classes: then the type numbers mean something else."""
    z = snana.optional(head, "SIM_REDSHIFT_HELIO")
    if z is None:
        return
    wrong = (z > 0) == np.isin(class_id, list(GALACTIC))
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"{head.path}: expected types of {meaning}, got {ELASTICC2.name_of(int(class_id[i]))} "
            f"at redshift {z[i]:.3g}; set types or class_id"
        )
