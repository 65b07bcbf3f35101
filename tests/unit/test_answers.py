"""Answers files come from editors and from strangers."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coldferry.errors import BadInput
from coldferry.plan import Plan
from coldferry.translation import Precedent, Translation
from console.answers import answered, checkable, read, write
from tests.conformance.worlds import a_machine, a_target


def _file(tmp_path, text):
    path = tmp_path / "answers.yaml"
    path.write_text(text)
    return path


def test_values_are_words_as_they_were_written(tmp_path):
    path = _file(tmp_path, "a: no\nb: 1.0\nc: 2026-01-01\nd: [x, y]\n")

    assert read(path) == {"a": "no", "b": "1.0", "c": "2026-01-01", "d": ["x", "y"]}


def test_a_field_left_empty_is_no_answer(tmp_path):
    given = read(_file(tmp_path, "nics[0].subnet_id:\nname: web\n"))

    assert given == {"nics[0].subnet_id": None, "name": "web"}
    assert answered(given) == {"name": "web"}


@pytest.mark.parametrize("word", ["acknowledge", "Acknowledge", "ACKNOWLEDGE ", "' acknowledge'"])
def test_the_acknowledgement_counts_however_it_is_capitalised(tmp_path, word):
    assert read(_file(tmp_path, f"a: {word}\n")) == {"a": "acknowledge"}


def test_a_path_that_is_no_field_is_checked_even_where_it_is_left_empty():
    given = {"name": None, "nmae": None, "hostname": "web", "nics[9].subnet_id": "x"}

    assert checkable(a_machine(), given) == {
        "nmae": "", "hostname": "web", "nics[9].subnet_id": "x",
    }  # fmt: skip


def test_an_empty_file_has_no_answers(tmp_path):
    assert read(_file(tmp_path, "# nothing yet\n")) == {}


@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1\nb: *x\n",
        "a: !!int 1\n",
        "a: !own x\n",
        "a: [!!str b]\n",
        "a: 1\na: 2\n",
        "- a\n",
        "a: {b: c}\n",
        "a: [\n",
        "{{{",
        "[" * 5000,
    ],
    ids=[
        "alias",
        "tag",
        "own tag",
        "tag inside",
        "twice",
        "list",
        "nested",
        "torn",
        "braces",
        "deep",
    ],
)
def test_anything_else_is_refused_in_a_sentence(tmp_path, text):
    with pytest.raises(BadInput):
        read(_file(tmp_path, text))


def test_what_is_wrong_is_said_with_its_line(tmp_path):
    with pytest.raises(BadInput, match="line 2:"):
        read(_file(tmp_path, "a: 1\nb: ]\nc: 2\n"))


@pytest.mark.parametrize("path", ["gone.yaml", "."])
def test_what_cannot_be_read_or_parsed_comes_with_a_remedy(tmp_path, path):
    with pytest.raises(BadInput) as refused:
        read(tmp_path / path)

    assert refused.value.do


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"gone\.yaml"):
        read(tmp_path / "gone.yaml")


def test_what_is_written_is_read_as_unanswered_and_names_every_gap(tmp_path):
    cloud, machine = a_target(), a_machine()
    translation = cloud.translate(machine, cloud.catalogue(), {})
    path = tmp_path / "answers.yaml"
    write(path, Plan(migration="web-01-there-0-a1", machine=machine, translation=translation), {})

    assert answered(read(path)) == {}
    assert all(f"\n{missing}:\n" in path.read_text() for missing in translation.missing)


def test_what_was_answered_already_is_kept_in_what_is_written(tmp_path):
    cloud, machine = a_target(), a_machine()
    given = {"name": "yes", "instance_type": "s4"}
    translation = cloud.translate(machine, cloud.catalogue(), {"instance_type": "s4"})
    path = tmp_path / "answers.yaml"
    plan = Plan(migration="web-01-there-0-a1", machine=machine, translation=translation)
    write(path, plan, given)

    assert answered(read(path)) == given


@pytest.fixture
def plan():
    cloud, machine = a_target(), a_machine()
    translation = cloud.translate(machine, cloud.catalogue(), {})
    return Plan(migration="web-01-there-0-a1", machine=machine, translation=translation)


def test_somebody_s_answers_are_not_overwritten(tmp_path, plan):
    path = _file(tmp_path, "name: hers\n")
    other = tmp_path / "other.yaml"
    other.write_text("name: his\n")
    for came_from in (None, other):
        with pytest.raises(BadInput, match=r"answers\.yaml is there already"):
            write(path, plan, {"name": "his"}, came_from)

    assert path.read_text() == "name: hers\n"


def test_the_file_that_the_answers_came_from_is_written_anew_with_them(tmp_path, plan):
    path = _file(tmp_path, "name: hers\n")
    write(path, plan, read(path), tmp_path / "." / "answers.yaml")

    assert answered(read(path)) == {"name": "hers"}
    assert plan.translation.missing[0] in path.read_text()


def test_writing_the_same_questions_again_is_no_loss(tmp_path, plan):
    path = tmp_path / "answers.yaml"
    path.touch()
    write(path, plan, {})
    before = path.read_text()
    write(path, plan, {})

    assert path.read_text() == before


def test_a_file_that_cannot_be_written_is_bad_input(tmp_path):
    cloud, machine = a_target(), a_machine()
    translation = cloud.translate(machine, cloud.catalogue(), {})
    plan = Plan(migration="web-01-there-0-a1", machine=machine, translation=translation)
    with pytest.raises(BadInput):
        write(tmp_path, plan, {})


@given(st.one_of(st.text(min_size=1), st.lists(st.text(), min_size=1, max_size=3)))
@example("\n")
@example("\u2028x")
def test_what_the_book_answers_is_written_as_a_line_that_says_it_when_its_mark_is_removed(
    tmp_path_factory, said
):
    cloud, machine = a_target(), a_machine()
    first = Precedent(rule="0123456789abcdef", said=said, by="Ada # \n", at="2031-05-01T12:00:00Z")
    bare = cloud.translate(machine, cloud.catalogue(), {"nics[0].subnet_id": "net/one"})
    fields = (bare["nics[0].subnet_id"].model_copy(update={"precedent": first}),)
    path = tmp_path_factory.mktemp("answers") / "answers.yaml"
    plan = Plan(
        migration="web-01-there-0-a1", machine=machine, translation=Translation(fields=fields)
    )
    write(path, plan, {})
    assert read(path) == {}

    lines = [line for line in path.read_text().splitlines() if line.startswith("# nics")]
    path.write_text("\n".join(line.removeprefix("# ") for line in lines))
    assert read(path) == {"nics[0].subnet_id": said}
