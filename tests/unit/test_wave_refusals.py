"""A stranger's file of a wave is refused in sentences, whatever is in it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coldferry.errors import BadInput, FaultyFile
from coldferry.strict_yaml import compose
from coldferry.waves.reading import MAX_BYTES, read_wave
from coldferry.waves.wave import MOST_ROWS
from tests.unit.wave_files import CSV, ROW, rows


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
        "line 10: row a, placement.disk1: must be 'copy', 'drop', 'remote', 'remote@HOST', "
        "'nofail', 'remove' or 'ask'",
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
         "target, owner, group, options, answers, placement, checks, checks_within_s, "
         "security_groups"),
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
         "group, after, stop_timeout_s, cold, inspect, use_book, max_latency_ms, checks, "
         "checks_within_s, security_groups, answers.FIELD, placement.DEVICE"),
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
