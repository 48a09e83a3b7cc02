"""`python -m simulate.fidelity DATA DOCS`: write the validation page."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from brokerbench.errors import BrokerbenchError


def main(arguments: list[str]) -> int:
    """Write the page; 2 and one line where it cannot be made."""
    if len(arguments) != 2:
        print("usage: python -m simulate.fidelity DATA DOCS", file=sys.stderr)
        return 2
    data, docs = (Path(a) for a in arguments)
    os.environ.setdefault("SNCOSMO_DATA_DIR", str(data / "sncosmo_data"))
    os.environ.setdefault("KILONOVA_KASEN17_DIR", str(data / "08_model_inputs" / "kilonova_kasen17"))
    from simulate.fidelity.document import write

    try:
        write(data, docs)
    except BrokerbenchError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
