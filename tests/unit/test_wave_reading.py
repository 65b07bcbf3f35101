"""A wave from a file: YAML and CSV say the same, and a stranger's file is refused in sentences."""

import csv
import io
import json

import jsonschema
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coldferry.cells import harmless
from coldferry.errors import BadInput, FaultyFile
from coldferry.strict_yaml import compose
from coldferry.waves.reading import MAX_BYTES, read_wave
from coldferry.waves.wave import MOST_ROWS, Options, Wave, full, short
from docs import generate
from tests.unit.wave_strategies import graphs, windows

ROOT = generate.FOLDER
ROW = "name: {0}, vm: i-{0}, source: s, target: t"
HEAD = ("wave", "start", "latest_start", "abort_at", "machines_at_once", "bytes_per_s")
OPTIONS = ("stop_timeout_s", "inspect", "use_book")

printable = st.text(
    st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")), min_size=1, max_size=8
)
answers = st.dictionaries(
    st.sampled_from(("nics[0].subnet_id", "disks[1].kind", "name", "tags[3].key")), printable
)
placements = st.dictionaries(printable, st.sampled_from(("copy", "drop", "remote", "ask")))


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
            "after": after,
            "answers": draw(answers),
            "placement": draw(placements),
            "options": {
                "stop_timeout_s": draw(st.integers(0, 900)),
                "inspect": draw(st.booleans()),
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
    columns = ["name", "vm", "source", "target", "owner", "group", "after", *OPTIONS, *entries]
    told = wave.model_dump(mode="json")
    head = [told["name"], *told["window"].values(), told["machines_at_once"], told["bytes_per_s"]]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator)
    writer.writerow([*HEAD, *columns])
    for row in told["rows"]:
        flat = {**row, **row["options"], "after": " ".join(row["after"])}
        for part in ("answers", "placement"):
            flat |= {f"{part}.{key}": value for key, value in row[part].items()}
        cells = [*head, *(flat.get(column, "") for column in columns)]
        writer.writerow(["" if cell is None else harmless(str(cell)) for cell in cells])
        head = [""] * len(HEAD)
    return out.getvalue()


def faults(text, kind="yaml"):
    with pytest.raises(FaultyFile) as refused:
        read_wave(text, kind)
    assert refused.value.exit_code == 2
    return refused.value.faults


def refusal(text, kind="yaml"):
    with pytest.raises(BadInput) as refused:
        read_wave(text, kind)
    assert not isinstance(refused.value, FaultyFile)
    return str(refused.value)


def rows(*more, head="name: w"):
    return "\n".join([head, "rows:", *(f"- {{{row}}}" for row in more)])


@settings(max_examples=40)
@given(any_wave(), st.sampled_from(",;\t"))
def test_the_same_wave_in_yaml_and_in_csv_is_equal(wave, separator):
    assert read_wave(as_yaml(wave), "yaml") == wave
    assert read_wave(as_csv(wave, separator), "csv") == wave


@settings(max_examples=40)
@given(any_wave())
def test_what_is_a_wave_fits_the_published_schema(wave):
    schema = jsonschema.Draft202012Validator(json.loads(generate.WAVE_SCHEMA.read_text()))

    schema.validate(wave.model_dump(mode="json"))


def test_the_examples_are_one_wave_and_fit_the_schema():
    text = (ROOT / "wave.example.yaml").read_text()
    schema = jsonschema.Draft202012Validator(json.loads(generate.WAVE_SCHEMA.read_text()))
    first = read_wave(text, "yaml")

    assert read_wave((ROOT / "wave.example.csv").read_text(), "csv") == first
    assert (len(first.rows), first.bytes_per_s) == (4, 200 << 20)
    assert first.by_name["shop-web"].owner == "Shop team"
    schema.validate(yaml.safe_load(text))


def test_a_default_holds_where_a_row_says_nothing_entry_by_entry():
    text = """
name: w
defaults:
  source: s
  target: t
  options: {stop_timeout_s: 1200, inspect: no}
  answers: {'secure_boot': acknowledge}
rows:
  - {name: a, vm: i-a, options: {inspect: yes}}
  - {name: b, vm: i-b, source: other, answers: {'disks[0].kind': ACKNOWLEDGE}}
"""
    first, second = read_wave(text, "yaml").rows

    assert first.options == Options(stop_timeout_s=1200, inspect=True)
    assert (first.source, second.source) == ("s", "other")
    assert second.answers == {"secure_boot": "acknowledge", "disks[0].kind": "acknowledge"}


def test_a_cloud_is_the_same_with_its_type_and_without():
    (row,) = read_wave("name: w\nrows: [{name: a, vm: i, source: coldferry-cloud/s, target: t}]",
                       "yaml").rows  # fmt: skip

    assert (row.source, short(row.target), full(row.source)) == ("s", "t", "coldferry-cloud/s")


def test_every_fault_is_said_at_once_with_its_line_row_and_column():
    text = """name: w
window: {start: 2031-05-03, latest_start: 5, abort_at: 2031-05-03T22:00}
machines_at_once: many
colour: red
rows:
  - name: a
    vm: i 1
    target: T!
    answers: {nope: x, 'nics[0].subnet_id': {a: b}}
    placement: {disk1: move}
    options: {inspect: maybe, stop_timeout_s: 1.5, zzz: 1}
  - {name: b, vm: i-2, source: s, target: t, owner: [x]}
  - just words
"""
    moment = "must be a moment with its zone, such as 2031-05-03T22:00+02:00"
    cloud = "must name a saved cloud: small letters, digits and '-'"

    assert faults(text) == [
        f"line 2: window.abort_at: {moment}",
        f"line 2: window.latest_start: {moment}",
        f"line 2: window.start: {moment}",
        "line 3: machines_at_once: must be a whole number",
        "line 4: colour: there is no colour",
        "line 6: row a, source: is missing",
        "line 7: row a, vm: must be one machine's id, without blanks",
        f"line 8: row a, target: {cloud}",
        "line 9: row 1, answers.nics[0].subnet_id: is nested too deep",
        "line 9: row a, answers.nope: the machine's description has no such field",
        "line 10: row a, placement.disk1: must be 'copy', 'drop', 'remote', 'nofail', 'remove' "
        "or 'ask'",
        "line 11: row a, options.inspect: must be yes or no",
        "line 11: row a, options.stop_timeout_s: must be a whole number",
        "line 11: row a, options.zzz: there is no zzz",
        "line 12: row b, owner: must be one word",
        "line 13: rows: each must be 'field: value' lines",
    ]


def test_rows_that_do_not_go_together_are_named():
    text = rows(
        "name: a, vm: i-1, source: s, target: t, after: [a, z]",
        "name: a, vm: i-2, source: s, target: t",
        "name: A, vm: i-3, source: s, target: t",
        "name: b, vm: i-1, source: coldferry-cloud/s, target: t",
        "name: c, vm: i-1, source: other, target: t, after: [a, a]",
    )

    assert faults(text) == [
        "line 3: row a, after: a machine cannot start after itself",
        "line 3: row a, after: there is no row z",
        "line 4: row a, name: another row has this name",
        "line 5: row A, name: differs from a by capitals only",
        "line 6: row b, vm: is the machine of a already",
        "line 7: row c, after: names a twice",
    ]


def test_each_circle_is_named_once():
    text = rows(
        *(f"{ROW.format(name)}, after: {other}" for name, other in ("ab", "bc", "ca", "de", "ed"))
    )

    assert faults(text) == [
        "line 3: row a, after: goes in a circle: a after b after c after a",
        "line 6: row d, after: goes in a circle: d after e after d",
    ]


@pytest.mark.parametrize("kind", ["yaml", "csv"])
def test_moments_of_a_window_stand_in_order(kind):
    told = {
        "yaml": rows(ROW.format("a"), head="name: w\nwindow: {start: 2031-05-03T22:00Z, abort_at: "
                     "2031-05-03T23:00+02:00}"),
        "csv": "wave,start,abort_at,name,vm,source,target\n"
               "w,2031-05-03T22:00Z,2031-05-03T23:00+02:00,a,i,s,t\n",
    }  # fmt: skip

    assert faults(told[kind], kind) == ["line 2: window: abort_at must be later than start"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the wave is not a wave: it must say 'name:', 'rows:' and so on, a line each."),
        ("- a", "the wave is not a wave: it must say 'name:', 'rows:' and so on, a line each."),
        ("a: &x [1]\nb: [*x, *x]", "anchors and aliases are not allowed"),
        ("a: " + "[" * 2000, "the wave is not a wave: it is nested too deep"),
        ("a: !!python/name:os.system x", "line 1 has the tag tag:yaml.org,2002:python/name"),
        ("a: \x00", "the wave is not a wave: "),
        ("a: b: c", "the wave is not a wave: line 1: "),
        (b"name: \xff\xfe", "the wave is not in UTF-8."),
        ("x" * (MAX_BYTES + 1), "the wave is larger than a wave can be."),
    ],
)
def test_what_is_no_yaml_that_is_safe_to_read_is_refused_as_a_whole(text, why):
    assert why in refusal(text)


def test_yaml_with_more_words_than_it_may_have_is_refused_before_all_are_read():
    assert compose("[a, b]", "the wave", "a wave", 3) is not None
    with pytest.raises(BadInput, match="the wave is not a wave: it has more words than one can"):
        compose("[a, b, c]", "the wave", "a wave", 3)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name: w\nrows: []", "line 2: rows: there is no machine in it"),
        ("name: w\nrows: 5", "line 2: rows: must be a list, one '- name: …' a machine"),
        ("name: w\nname: v\nrows: []", "line 2: name stands there twice"),
        ("name: w\n? [a]\n: b\nrows: []", "line 2: a key must be one word"),
        ("defaults: [x]\nname: w\nrows: []", "line 1: defaults: must be 'field: value' lines"),
        ("defaults: {vm: x}\nname: w\nrows: []", "line 1: defaults: there is no vm, only source, "
         "target, owner, group, options, answers, placement"),
        (rows("name: größe, vm: i, source: s, target: t"), "line 3: row größe, name: must be "
         "letters, digits, '.', '_' or '-', and begin with a letter or a digit"),
        (rows('name: a, vm: i, source: s, target: t, owner: "a\\u202eb"'), "line 3: row a, owner: "
         "has characters that cannot be seen"),
        (rows("name: a, vm: i, source: s, target: t, after: [[b]]"), "line 3: row a, after.0: must "
         "be one word"),
        (rows(ROW.format("a"), head="name: w/../x"), "line 1: name: must be letters, digits, "
         "blanks, '.', '_' or '-', and begin with a letter or a digit"),
        (rows(ROW.format("a"), head="name: w\nbytes_per_s: 0"), "line 2: bytes_per_s: must be "
         "greater than or equal to 1"),
        (rows(ROW.format("a"), head="name: w\nwindow: tonight"), "line 2: window: must be "
         "'field: value' lines"),
        (rows(ROW.format("a"), head="name: w\nwindow: {start: '1764970000'}"), "line 2: "
         "window.start: must be a moment with its zone, such as 2031-05-03T22:00+02:00"),
        (rows(f"{ROW.format('a')}, after: [{','.join('b' * 65)}]"), "line 3: row a, after: has too "
         "many entries: 64 at most"),
        (rows(*[ROW.format("a")] * (MOST_ROWS + 1)), f"line 2: rows: has {MOST_ROWS + 1}, a wave "
         f"has {MOST_ROWS} at most"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_yaml_is_a_sentence_with_its_line(text, why):
    assert why in faults(text)


def test_a_fault_in_a_default_is_said_once_where_it_stands():
    text = (
        "name: w\ndefaults: {source: NO, target: t}\nrows:\n- {name: a, vm: i}\n- {name: b, vm: j}"
    )

    assert faults(text) == [
        "line 2: defaults.source: must name a saved cloud: small letters, digits and '-'"
    ]


def test_hundreds_of_faults_are_cut():
    told = faults(rows(*("vm: x" for _ in range(100))))

    assert (len(told), told[-1]) == (41, "and 260 faults more")


CSV = "wave,name,vm,source,target"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "its first line must name columns, 'name' and 'vm' among them"),
        ("just words", "its first line must name columns, 'name' and 'vm' among them"),
        (f'{CSV}\nw,"a,i,s,t', "the wave, line 2: unexpected end of data"),
        (f"{CSV}\nw,a,i,s,{'t' * 140_000}", "the wave, line 2: field larger than field limit"),
        (
            ",".join(f"c{n}" for n in range(501)) + ",name,vm",
            "the wave has 503 columns: a wave has 500 at most",
        ),
        (b"name,vm\nGr\xf6\xdfe,i", "the wave is not in UTF-8"),
    ],
)
def test_what_is_no_csv_is_refused_as_a_whole(text, why):
    assert why in refusal(text, "csv")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (CSV, "line 1: rows: there is no machine in it"),
        ("name,vm,source,target\na,i,s,t", "line 1: wave: is missing"),
        (f"{CSV},name\nw,a,i,s,t,b", "line 1: column name stands there twice"),
        (f"{CSV},Owner\nw,a,i,s,t,b", "line 1: there is no column Owner, only wave, start, "
         "latest_start, abort_at, machines_at_once, bytes_per_s, name, vm, source, target, owner, "
         "group, after, stop_timeout_s, inspect, use_book, answers.FIELD, placement.DEVICE"),
        (f"{CSV},answers.nope\nw,a,i,s,t,b", "line 2: row a, answers.nope: the machine's "
         "description has no such field"),
        (f"{CSV},\nw,a,i,s,t,b", "line 2: b stands under no column's name"),
        (f"{CSV}\nw,a,i,s,t,b", "line 2: has more cells than there are columns"),
        (f"{CSV}\nw,a,i,s,t\nv,b,j,s,t", "line 3: column wave: says otherwise than line 2"),
        (f"{CSV},inspect\nw,a,i,s,t,WAHR", "line 2: row a, inspect: must be yes or no"),
        (f"{CSV}\nw,a,,s,t", "line 2: row a, vm: is missing"),
        (f"{CSV},owner\nw,a,i,s,t,=cmd|' /C calc'!A0", "line 2: column owner: =cmd|' /C calc'!A0 "
         "begins like a formula; write an apostrophe before it if it is meant so"),
        (f"{CSV},after\nw,a,i,s,t,b;c\n,b,j,s,t,a", "line 2: row a, after: goes in a circle: a "
         "after b after a"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_sheet_is_a_sentence_with_its_line(text, why):
    assert why in faults(text, "csv")


@pytest.mark.parametrize("cell", ["+1", "-1", "@SUM(1)", " =1", "＝1"])  # noqa: RUF001
def test_no_cell_that_a_program_may_run_is_taken(cell):
    (fault,) = faults(f'{CSV},owner\nw,a,i,s,t,"{cell}"', "csv")

    assert "begins like a formula" in fault


def test_a_formula_that_is_meant_as_text_has_an_apostrophe():
    assert read_wave(f"{CSV},owner\nw,a,i,s,t,'=1", "csv").rows[0].owner == "=1"


def test_a_byte_order_mark_is_no_part_of_the_first_word():
    assert read_wave(f"\ufeff{CSV}\nw,a,i,s,t", "csv").name == "w"
    assert read_wave("\ufeff" + rows(ROW.format("a")), "yaml").name == "w"


def test_a_sheet_that_a_spreadsheet_program_wrote_is_read():
    text = "\ufeffwave;name;vm;source;target;after;;\r\nw;a;i;s;t; b , c ;;\r\n;;;;;;;\r\n"
    text += '"";b;j;s;t;;;\r\n;c;"k";s;t\r\n'

    wave = read_wave(text.encode(), "csv")

    assert [(row.name, row.vm, row.after) for row in wave.rows] == [
        ("a", "i", ("b", "c")), ("b", "j", ()), ("c", "k", ()),
    ]  # fmt: skip


@given(st.text(max_size=200) | st.binary(max_size=200), st.sampled_from(("yaml", "csv")))
@example("rows:\n- ~", "yaml")
@example("name: {}\nrows: {a: b}\nwindow: []\ndefaults: {options: x}", "yaml")
@example("name,vm\n\x00,\ud800", "csv")
def test_whatever_is_given_is_a_wave_or_refused(text, kind):
    refused = None
    try:
        read_wave(text, kind)
    except BadInput as refusal:
        refused = str(refusal)
    assert refused is None or refused.isprintable()
