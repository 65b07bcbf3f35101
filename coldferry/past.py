"""How long steps took in earlier migrations, from the reports that the home keeps."""

import json
import re
from statistics import median

from coldferry.home import home_name

_MOST_REPORTS = 20
_LARGEST_BYTES = 16 << 20


def step_seconds(target_provider: str) -> dict[str, tuple[float, int]]:
    """By step: the median of its seconds, and of how many migrations to that provider.

    Only the newest reports count. A report that cannot be read is none.
    """
    folder = home_name() / "reports"
    name = re.compile(rf".*-{re.escape(target_provider)}-[0-9a-f]{{8}}-a\d+\.json")
    found = [path for path in folder.glob("*.json") if name.fullmatch(path.name)]
    found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    seconds: dict[str, list[float]] = {}
    for path in found[:_MOST_REPORTS]:
        try:
            if path.stat().st_size > _LARGEST_BYTES:
                continue
            said = json.loads(path.read_bytes())["seconds"]
            spent = {str(step): float(value) for step, value in said.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
        for step, value in spent.items():
            seconds.setdefault(step, []).append(value)
    return {step: (round(median(all_), 3), len(all_)) for step, all_ in seconds.items()}
