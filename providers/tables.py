"""The dated tables of prices and of rates: the ones that come with this release, or a team's own.

``COLDFERRY_PRICES`` and ``COLDFERRY_RATES`` name a file; else ``prices.yaml``
and ``rates.yaml`` of the home count; else those beside this module. A table
takes the place of another whole.
"""

import os
from pathlib import Path
from typing import cast, get_args

from coldferry.dated import Table, read_table
from coldferry.errors import BadInput
from coldferry.estimating import Worker
from coldferry.home import home_name
from coldferry.plain import plain

_HERE = Path(__file__).parent
_KINDS = {"prices": "a table of prices", "rates": "a table of rates"}


def prices() -> Table:
    """What things cost. Raises BadInput for a table that cannot be read, naming all faults."""
    return _table("prices")


def rates() -> Table:
    """How fast things are. Raises BadInput for a table that cannot be read, naming all faults."""
    return _table("rates")


def worker() -> Worker:
    """Where the worker stands: data that leaves a cloud is paid for, and it may stay inside.

    ``COLDFERRY_WORKER_AT`` says it; by default it is neither cloud, which is the dearest.
    Raises BadInput for any other word.
    """
    said = os.environ.get("COLDFERRY_WORKER_AT") or "elsewhere"
    if said not in get_args(Worker):
        raise BadInput(
            f"COLDFERRY_WORKER_AT is '{plain(said, 40)}'.",
            f"Write one of {', '.join(get_args(Worker))}, or nothing.",
        )
    return cast("Worker", said)


def _table(name: str) -> Table:
    variable = f"COLDFERRY_{name.upper()}"
    named = os.environ.get(variable)
    own = home_name() / f"{name}.yaml"
    path = Path(named) if named else own if own.exists() else _HERE / f"{name}.yaml"
    if not path.is_file():  # a pipe would never end
        raise BadInput(f"{path}, which {variable} names, is no file.", "Name a file that is there.")
    return read_table(path, _KINDS[name])
