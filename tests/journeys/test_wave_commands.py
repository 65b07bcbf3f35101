"""``coldferry wave`` on the sandbox's clouds, by the command line alone."""

import json

import pytest

from tests.journeys.wave_serving import ANSWERS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def vms(sandbox, seeder):
    """Two small machines in one subnet."""
    held = [{"Name": "cidr-block", "Values": ["172.31.0.0/20"]}]
    subnet = sandbox.ec2.describe_subnets(Filters=held)["Subnets"][0]["SubnetId"]
    return [
        seeder.small(
            tags={"Name": f"wave-{name}"}, SubnetId=subnet, PrivateIpAddress=f"172.31.0.{at}"
        ).vm
        for at, name in ((60, "web"), (61, "db"))
    ]


def wave(sandbox, folder, vms, **more):
    """A file of two rows, of which the first starts after the second."""
    options = {"inspect": False, "use_book": False}
    ends = {"source": sandbox.source, "target": sandbox.target, "options": options, **more}
    rows = [
        {"name": "web", "vm": vms[0], "after": ["db"], **ends},
        {"name": "db", "vm": vms[1], **ends},
    ]
    path = folder / "weekend.yaml"
    path.write_text(json.dumps({"name": "weekend", "rows": rows}))  # YAML reads JSON
    return path


def test_a_file_is_checked_without_any_cloud_and_says_its_order(sandbox, tmp_path):
    told = sandbox.here("wave", "check", wave(sandbox, tmp_path, ["i-1", "i-2"])).document

    assert (told["stops"], told["starts"]) == (["web", "db"], ["db", "web"])


def test_a_file_that_is_no_wave_is_refused_with_its_line(sandbox, tmp_path):
    path = tmp_path / "no-wave.yaml"
    path.write_text("name: weekend\nrows:\n- name: web\n")
    refused = sandbox.here("wave", "check", path)

    assert refused.exit_code == 2
    assert "line 3" in refused.sentences


@pytest.fixture(scope="module")
def answered(sandbox, tmp_path_factory, vms):
    """The file that leaves no question, its plan, and the plan's page."""
    folder = tmp_path_factory.mktemp("answered")
    path, page = wave(sandbox, folder, vms, answers=ANSWERS), folder / "plan.html"
    return path, sandbox.here("wave", "plan", path, "--html", page), page.read_text()


def test_a_wave_is_planned_red_amber_and_green_with_each_question_once(
    sandbox, tmp_path, vms, answered
):
    planned = sandbox.here("wave", "plan", wave(sandbox, tmp_path, vms))
    gone = sandbox.here("wave", "plan", wave(sandbox, tmp_path, [vms[0], "i-0123456789abcdef0"]))
    _, good, _ = answered

    assert planned.exit_code == 3
    assert [row["light"] for row in planned.document["rows"]] == ["amber", "amber"]
    assert len(planned.document["gaps"]) == len(ANSWERS)
    assert {tuple(gap["machines"]) for gap in planned.document["gaps"]} == {("web", "db")}
    assert gone.exit_code == 4
    assert [row["light"] for row in gone.document["rows"]] == ["amber", "red"]
    assert good.exit_code == 0
    assert [row["light"] for row in good.document["rows"]] == ["green", "green"]


def test_the_plan_says_of_each_machine_what_it_takes_and_whether_all_fit(answered):
    _, good, page = answered
    (web, db) = good.document["rows"]

    assert web["verdicts"]["exact"] > 20
    assert web["estimate"]["read_bytes"] > 0
    assert good.document["totals"]["read_bytes"] == sum(
        row["estimate"]["read_bytes"] for row in (web, db)
    )
    assert good.document["outlook"]["bottleneck"]
    assert good.document["outlook"]["short"] == []
    assert good.document["outlook"]["fits"] is not False
    assert "<h1>Wave <code>weekend</code>: the plan</h1>" in page


def test_a_wave_with_open_questions_is_not_begun(sandbox, tmp_path, vms):
    ended = sandbox.here("wave", "run", wave(sandbox, tmp_path, vms))

    assert ended.exit_code == 3
    assert "web: nics[0].subnet_id" in ended.document["missing"]


@pytest.fixture(scope="module")
def ran(sandbox, answered):
    """Twice."""
    path, *_ = answered
    return path, sandbox.here("wave", "run", path), sandbox.here("wave", "run", path)


def test_a_wave_is_run_without_a_worker_and_again_does_nothing(ran):
    _, first, again = ran

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert {row["state"] for row in first.document["rows"]} == {"done"}
    assert [row["migration"] for row in first.document["rows"]] == [
        row["migration"] for row in again.document["rows"]
    ]


def test_where_a_wave_stands_and_what_it_took_is_told_by_file_and_by_name(sandbox, tmp_path, ran):
    path, *_ = ran
    by_file = sandbox.here("status", "--wave", path).document
    by_name = sandbox.here("status", "--wave", "weekend").document
    page = tmp_path / "report.html"
    report = sandbox.here("wave", "report", path, "--html", page).document

    assert {row["state"] for row in by_file["rows"]} == {"done"}
    assert [row["next"] for row in by_file["rows"]] == [row["next"] for row in by_name["rows"]]
    assert [len(row["outcomes"]) > 5 for row in report["rows"]] == [True, True]
    assert "As it was estimated, and as it was" in page.read_text()


def test_a_wave_that_nobody_knows_is_bad_input(sandbox, tmp_path):
    unknown = sandbox.here("status", "--wave", "no such wave")
    both = sandbox.here("status", "web-01-azure-00000000-a1", "--wave", "weekend")

    assert (unknown.exit_code, both.exit_code) == (2, 2)
    assert "Give the wave's file" in unknown.sentences
