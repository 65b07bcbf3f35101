"""A wave from a file: YAML and CSV say the same, and what is meant is what is read."""

import json

import jsonschema
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from coldferry.waves.reading import read_wave
from coldferry.waves.wave import Options, full, short
from docs import generate
from tests.unit.wave_files import CSV, ROW, any_wave, as_csv, as_yaml, rows

ROOT = generate.FOLDER


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
