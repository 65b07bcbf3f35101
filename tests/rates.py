"""Tables of rates of which a test says how fast something is."""

from pathlib import Path

RATES = Path(__file__).parents[1] / "providers" / "rates.yaml"
_UNKNOWN = "  - name: worker.bytes-per-s\n    value: unknown\n"


def of_a_slow_way(folder: Path, bytes_per_s: int = 1000) -> Path:
    """Those that come with the release, with a worker whose way to the clouds is narrow."""
    table = RATES.read_text()
    assert _UNKNOWN in table
    path = folder / "rates.yaml"
    path.write_text(table.replace(_UNKNOWN, _UNKNOWN.replace("unknown", str(bytes_per_s))))
    return path
