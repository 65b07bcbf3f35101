"""A person answers once, on the command line: the next machines of the same shape ask nothing."""

import pytest
import yaml

pytestmark = pytest.mark.slow

SUBNET = "nics[0].subnet_id"


@pytest.fixture(scope="module", autouse=True)
def booked(sandbox):
    """With a book that is empty at first, and left empty."""
    with sandbox.booked():
        yield


def field(report, path):
    return next(one for one in report["translation"] if one["path"] == path)


class Twins:
    """One machine moved with answers, and what was made of the next one without any."""

    def __init__(self, sandbox, seeder, folder):
        first, second = seeder.small(), seeder.small()
        answers = sandbox.answers(first.vm, folder / "answers.yaml")
        self.asked = sandbox.here("plan", sandbox.source, first.vm, sandbox.target)
        self.first = sandbox.here("migrate", sandbox.source, first.vm, sandbox.target, *answers)
        self.written = folder / "written.yaml"
        self.plan = sandbox.here(
            "plan", sandbox.source, second.vm, sandbox.target, "--write-answers", self.written
        )
        self.alone = sandbox.here("plan", sandbox.source, second.vm, sandbox.target, "--no-book")
        self.second = sandbox.cli("migrate", sandbox.source, second.vm, sandbox.target)
        self.again = sandbox.here("migrate", sandbox.source, second.vm, sandbox.target)
        self.rules = sandbox.here("book", "list").document["rules"]


@pytest.fixture(scope="module")
def twins(sandbox, seeder, tmp_path_factory):
    return Twins(sandbox, seeder, tmp_path_factory.mktemp("twins"))


def test_a_second_machine_of_the_same_shape_asks_nothing_on_the_command_line(twins):
    assert len(twins.asked.document["missing"]) >= 4
    assert (twins.plan.exit_code, twins.plan.document["missing"]) == (0, [])
    assert twins.second.exit_code == 0, twins.second
    assert twins.second.document["state"] == "allocated"
    assert twins.again.document["target_vm"] == twins.second.document["target_vm"]


def test_the_report_says_of_each_value_of_the_book_which_rule_it_is_and_who_approved_it(twins):
    rules = {rule["id"]: rule for rule in twins.rules}
    filled = [f for f in twins.second.document["translation"] if f["decided_by"] == "book"]

    assert {f["path"] for f in filled} == set(twins.asked.document["missing"])
    for one in filled:
        rule = rules[one["precedent"]["rule"]]
        assert one["precedent"]["migration"] == twins.first.document["migration"]
        assert one["precedent"]["by"] == rule["by"] == "the answers given with the run"
    assert twins.second.document["approved"]["by"] == "the translation book"


def test_without_the_book_it_is_asked_as_the_first_was(twins):
    assert twins.alone.document["missing"] == twins.asked.document["missing"]


def test_a_written_answers_file_shows_what_the_book_fills_in_and_can_say_otherwise(
    twins, sandbox, seeder, tmp_path
):
    text = twins.written.read_text()
    line = next(line for line in text.splitlines() if line.startswith(f"# {SUBNET}:"))
    assert yaml.safe_load(text) is None
    assert field(twins.second.document, SUBNET)["precedent"]["rule"] in line

    path = tmp_path / "otherwise.yaml"
    path.write_text(line.removeprefix("# ").replace("vnet-main/default", "vnet-main/apps"))
    plan = sandbox.here(
        "plan", sandbox.source, seeder.small().vm, sandbox.target, "--answers", path
    ).document
    assert field(plan, SUBNET)["decided_by"] == "person"
    assert field(plan, SUBNET)["target"].endswith("/apps")


def test_a_book_goes_out_to_a_file_and_comes_back(twins, sandbox, tmp_path):
    path = tmp_path / "book.yaml"
    exported = sandbox.here("book", "export", path)
    assert exported.document["rules"] == len(twins.rules)

    path.write_text(path.read_text() + "# and a person's own line\n")
    kept = sandbox.here("book", "export", path)
    assert (kept.exit_code, "own line" in path.read_text()) == (2, True)

    word = twins.rules[0]["id"][:10]
    forgotten = sandbox.here("book", "forget", word).document["forgotten"]
    assert forgotten == [twins.rules[0]["id"]]
    assert sandbox.here("book", "forget", word).exit_code == 2

    back = sandbox.here("book", "import", path).document
    assert back == {"kept": forgotten, "known": len(twins.rules) - 1}
    assert sandbox.here("book", "list").document["rules"] == twins.rules


def test_a_file_with_faults_is_refused_whole_with_a_line_for_each(sandbox, tmp_path):
    path = tmp_path / "book.yaml"
    path.write_text("- pattern: name\n  value: x\n- pattern: nothing\n- 5\n")
    before = sandbox.here("book", "list").document
    refused = sandbox.here("book", "import", path)

    assert refused.exit_code == 2
    assert "line 3" in refused.sentences
    assert "line 4" in refused.sentences
    assert sandbox.here("book", "list").document == before
