"""Waves as files: any wave, in YAML and as a person fills in a sheet."""

import csv
import io

import yaml
from hypothesis import strategies as st

from coldferry.cells import harmless
from coldferry.waves.wave import Wave
from tests.unit.wave_strategies import graphs, windows

AFTERWARDS = ("checks", "checks_within_s", "security_groups")
ROW = "name: {0}, vm: i-{0}, source: s, target: t"
CSV = "wave,name,vm,source,target"
HEAD = ("wave", "start", "latest_start", "abort_at", "machines_at_once", "bytes_per_s")
OPTIONS = ("stop_timeout_s", "cold", "inspect", "use_book", "max_latency_ms")

checks = st.sampled_from(("tcp:443", "https://web.example/a,b;c", "script:/opt/check"))
printable = st.text(
    st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")), min_size=1, max_size=8
)
answers = st.dictionaries(
    st.sampled_from(("nics[0].subnet_id", "disks[1].kind", "name", "tags[3].key")), printable
)
placements = st.dictionaries(
    printable, st.sampled_from(("copy", "drop", "remote", "remote@10.0.9.5:2049", "ask"))
)


@st.composite
def any_wave(draw):
    rows = [
        {
            "name": name,
            "vm": draw(printable),
            "source": draw(st.sampled_from(("aws", "coldferry-cloud/lab-2"))),
            "target": "azure",
            "owner": draw(st.just("") | printable),
            "group": draw(st.sampled_from(("", "shop"))),
            "checks": draw(st.lists(checks, max_size=2, unique=True)),
            "checks_within_s": draw(st.integers(0, 900)),
            "security_groups": draw(st.sampled_from(([], ["web"], ["web", "none"]))),
            "after": after,
            "answers": draw(answers),
            "placement": draw(placements),
            "options": {
                "stop_timeout_s": draw(st.integers(0, 900)),
                "cold": draw(st.booleans()),
                "inspect": draw(st.booleans()),
                "max_latency_ms": draw(st.sampled_from((0.5, 10, 250))),
            },
        }
        for name, after in draw(graphs(most=4)).items()
    ]
    for number, row in enumerate(rows):
        row["vm"] += str(number)  # one row a machine
    return Wave.model_validate(
        {
            "name": draw(st.sampled_from(("weekend", "A 1.b_c-d"))),
            "rows": rows,
            "window": draw(windows),
            "machines_at_once": draw(st.integers(1, 100)),
            "bytes_per_s": draw(st.none() | st.integers(1, 1 << 40)),
        }
    )


def as_yaml(wave):
    return yaml.safe_dump(wave.model_dump(mode="json"), allow_unicode=True)


def as_csv(wave, separator=","):
    """As a person fills a sheet in: what is the wave's own stands in the first row only."""
    entries = [
        f"{part}.{key}"
        for part in ("answers", "placement")
        for key in dict.fromkeys(key for row in wave.rows for key in getattr(row, part))
    ]
    columns = [
        "name",
        "vm",
        "source",
        "target",
        "owner",
        "group",
        "after",
        *OPTIONS,
        *AFTERWARDS,
        *entries,
    ]
    told = wave.model_dump(mode="json")
    head = [told["name"], *told["window"].values(), told["machines_at_once"], told["bytes_per_s"]]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator)
    writer.writerow([*HEAD, *columns])
    for row in told["rows"]:
        words = {f: " ".join(row[f]) for f in ("after", "checks", "security_groups")}
        flat = {**row, **row["options"], **words}
        for part in ("answers", "placement"):
            flat |= {f"{part}.{key}": value for key, value in row[part].items()}
        cells = [*head, *(flat.get(column, "") for column in columns)]
        writer.writerow(["" if cell is None else harmless(str(cell)) for cell in cells])
        head = [""] * len(HEAD)
    return out.getvalue()


def rows(*more, head="name: w"):
    """A wave in YAML; each of ``more`` is a row's inside."""
    return "\n".join([head, "rows:", *(f"- {{{row}}}" for row in more)])
