"""What is refused before anything is touched: the exit code, a sentence, and nothing created."""

import json
import socket
import subprocess
import time
from contextlib import contextmanager

import pytest

from sandbox.aws import seed
from tests.journeys.sandbox import COLDFERRY


@pytest.fixture(scope="module")
def machine(seeder):
    """An ordinary running machine that nobody has touched."""
    return seeder.small(tags={"Name": "calm-01"})


@pytest.fixture
def untouched(arrivals, seeder):
    """Nothing is created at the target while inside, and the source stays as it was."""

    @contextmanager
    def check(vm, power="running"):
        before = arrivals.everything(), seeder.our_snapshots()
        yield
        assert (arrivals.everything(), seeder.our_snapshots()) == before
        assert seeder.our_tags(vm) == {}
        assert seeder.state(vm) == power

    return check


@pytest.fixture
def refused(sandbox, untouched):
    """Migrate a machine, expect this exit code and a plain sentence; what was said."""

    def refuse(exit_code, vm, *options, source="", target="", power="running"):
        with untouched(vm, power):
            answer = sandbox.here(
                "migrate", source or sandbox.source, vm, target or sandbox.target, *options
            )
        assert answer.exit_code == exit_code, answer
        assert answer.error["what"].endswith((".", "?")), answer.error
        assert "\n" not in answer.sentences
        return answer

    return refuse


@pytest.fixture
def answered(sandbox, machine, tmp_path):
    """Options with answers to all that the ordinary machine's migration asks for."""
    return sandbox.answers(machine.vm, tmp_path / "answers.yaml")


def test_without_answers_it_ends_naming_what_is_missing(sandbox, machine, untouched):
    with untouched(machine.vm):
        answer = sandbox.cli("migrate", sandbox.source, machine.vm, sandbox.target)
    assert answer.exit_code == 3
    assert answer.document["missing"]
    assert all(path in answer.error["what"] for path in answer.document["missing"])
    assert "--write-answers" in answer.error["do"]


@pytest.mark.parametrize(
    ("path", "value"),
    [("nics[9].mac", "x"), ("nosuch", "x"), ("instance_type", "Standard_Nope"), ("nics[0]", "x")],
    ids=["a path beyond the end", "an unknown path", "a bad value", "a path that is no leaf"],
)
def test_a_wrong_answer_is_named(refused, machine, answered, path, value):
    given = json.loads(answered[1].read_text())
    answered[1].write_text(json.dumps(given | {path: value}))
    answer = refused(2, machine.vm, *answered)
    assert path in answer.error["what"]
    assert answer.error["do"]


@pytest.mark.parametrize("path", ["foo.bar", "nics[9].subnet_id", "nics[0]"])
@pytest.mark.parametrize("verb", ["plan", "migrate"])
def test_a_path_that_is_none_is_named_although_it_is_left_empty(
    sandbox, untouched, machine, answered, verb, path
):
    answered[1].write_text(f"{answered[1].read_text().rstrip(' }')}, {json.dumps(path)}: null}}")
    with untouched(machine.vm):
        answer = sandbox.here(verb, sandbox.source, machine.vm, sandbox.target, *answered)

    assert (answer.exit_code, answer.error["code"]) == (2, "bad-answer")
    assert path in answer.error["what"]


@pytest.mark.parametrize(
    "text",
    [None, "name: [", "- a\n- list\n", "a: &x 1\nb: *x\n", "\x00\x01\xff"],
    ids=["absent", "broken", "a list", "with anchors", "binary"],
)
def test_an_answers_file_that_is_none_is_bad_input(refused, machine, tmp_path, text):
    path = tmp_path / "answers.yaml"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    assert "answers.yaml" in refused(2, machine.vm, "--answers", path).error["what"]


@pytest.mark.parametrize("verb", ["describe", "start", "stop", "reboot"])
@pytest.mark.parametrize("cloud", ["source", "target"])
def test_every_verb_says_that_it_knows_no_such_machine(sandbox, verb, cloud):
    answer = sandbox.here(verb, getattr(sandbox, cloud), "i-0123456789abcdef0")
    assert (answer.exit_code, answer.error["code"]) == (2, "unknown-machine")
    assert "i-0123456789abcdef0" in answer.error["what"]


@pytest.mark.parametrize("vm", ["i-0123456789abcdef0", "web-01", "../../etc", "-", "é"])
def test_an_unknown_machine_is_bad_input(sandbox, arrivals, vm):
    before = arrivals.everything()
    answer = sandbox.here("migrate", sandbox.source, vm, sandbox.target)
    assert (answer.exit_code, answer.error["code"]) == (2, "unknown-machine")
    assert answer.error["do"]
    assert arrivals.everything() == before


@pytest.mark.parametrize(
    "block",
    ["coldferry-cloud/nobody", "nobody", "aws-credentials/mine", "coldferry-cloud/../x", ""],
    ids=["unknown", "no slug", "another type", "a path", "empty"],
)
@pytest.mark.parametrize("side", ["source", "target"])
def test_a_block_that_is_none_is_bad_input(refused, machine, block, side):
    place = {side: block or " "}
    assert refused(2, machine.vm, **place).error["code"] == "unknown-block"


def test_a_machine_of_the_other_cloud_is_unknown(sandbox, refused, machine):
    refused(2, machine.vm, source=sandbox.target, target=sandbox.target)


def test_an_unreachable_source_is_said_within_half_a_minute(sandbox, refused, machine):
    gone = sandbox.save_block("gone-aws", "aws", endpoint_url=f"http://127.0.0.1:{_closed()}")
    began = time.monotonic()
    answer = refused(4, machine.vm, source=gone)
    assert time.monotonic() - began < 30
    assert answer.error["code"] == "unreachable"
    assert answer.error["do"]


def test_an_unreachable_target_is_said_within_half_a_minute(sandbox, refused, machine):
    gone = sandbox.save_block("gone-azure", "azure", endpoint=f"https://127.0.0.1:{_closed()}")
    began = time.monotonic()
    answer = refused(4, machine.vm, target=gone)
    assert time.monotonic() - began < 30
    assert answer.error["code"] == "unreachable"
    assert answer.error["do"]


def test_a_permission_that_the_source_denies_is_named(sandbox, untouched, machine):
    fault = {
        "operation": "ec2:DescribeInstances",
        "status": 403,
        "code": "UnauthorizedOperation",
        "times": 9,
    }
    with untouched(machine.vm), sandbox.failing("aws", fault):
        answer = sandbox.here("migrate", sandbox.source, machine.vm, sandbox.target)
    assert (answer.exit_code, answer.error["code"]) == (4, "denied")
    assert "ec2:DescribeInstances" in answer.sentences


def test_wrong_credentials_are_said_on_either_side(sandbox, refused, machine):
    stranger = sandbox.save_block("wrong-aws", "aws", access_key_id="AKIAWRONG0000000000")
    assert refused(4, machine.vm, source=stranger).error["code"] == "denied"
    stranger = sandbox.save_block("wrong-secret", "aws", secret_access_key="wrong")
    assert refused(4, machine.vm, source=stranger).error["code"] == "denied"
    stranger = sandbox.save_block("wrong-azure", "azure", token="wrong")
    assert refused(4, machine.vm, target=stranger).error["code"] == "denied"


def test_a_machine_without_volumes_is_refused_in_one_sentence(seeder, refused):
    bare = seeder.small()
    seeder.ec2.stop_instances(InstanceIds=[bare.vm])
    seed.wait_state(seeder.ec2, bare.vm, "stopped")
    for volume in bare.content:
        seeder.ec2.detach_volume(VolumeId=volume)
        seeder.ec2.delete_volume(VolumeId=volume)
    answer = refused(4, bare.vm, power="stopped")
    assert answer.sentences.count(".") == 1


def test_a_member_of_a_scaling_group_is_refused(sandbox, seeder, refused):
    scaling = sandbox.aws("autoscaling")
    image = seeder.image([{0: b"\1" * seed.BLOCK_SIZE_BYTES}])
    scaling.create_launch_configuration(
        LaunchConfigurationName="web", ImageId=image, InstanceType="t3.small"
    )
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="fleet",
        LaunchConfigurationName="web",
        MinSize=1,
        MaxSize=1,
        VPCZoneIdentifier=seeder.subnets("10.0.9.0/24")[0],
    )
    group = scaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]
    vm = group["Instances"][0]["InstanceId"]
    seed.wait_state(seeder.ec2, vm, "running")
    answer = refused(4, vm)
    assert "fleet" in answer.error["what"]
    assert answer.error["do"]


def test_a_spot_machine_is_refused(seeder, refused):
    spot = seeder.small(InstanceMarketOptions={"MarketType": "spot"})
    answer = refused(4, spot.vm)
    assert "Spot" in answer.error["what"]
    assert answer.error["do"]


def test_a_hibernated_machine_is_refused(seeder, refused):
    asleep = seeder.small(HibernationOptions={"Configured": True})
    seeder.ec2.stop_instances(InstanceIds=[asleep.vm], Hibernate=True)
    seed.wait_state(seeder.ec2, asleep.vm, "stopped")
    answer = refused(4, asleep.vm, power="stopped")
    assert "hibernated" in answer.error["what"]
    assert answer.error["do"]


def test_a_taken_name_and_a_spent_quota_are_found_together(
    sandbox, arrivals, machine, answered, refused
):
    plan = sandbox.here("plan", sandbox.source, machine.vm, sandbox.target).document
    name = f"{plan['migration']}-nsg"
    arrivals.add_security_group(name)
    sandbox.control("azure", "PUT", "settings", {"core_limit": 1})
    try:
        answer = refused(4, machine.vm, *answered)
        planned = sandbox.here("plan", sandbox.source, machine.vm, sandbox.target, *answered)
    finally:
        sandbox.control("azure", "PUT", "settings", {"core_limit": 350})
        arrivals.remove_security_group(name)
    found = {finding["code"]: finding for finding in answer.error["findings"]}
    assert found.keys() == {"name-taken", "quota-cores"}
    assert all(finding["do"] for finding in found.values())
    assert (planned.exit_code, planned.error["code"]) == (4, "preflight-failed")
    assert {finding["code"] for finding in planned.document["findings"]} >= found.keys()


def test_five_faults_of_both_clouds_are_named_in_one_answer(
    sandbox, seeder, machine, answered, refused, arrivals
):
    networks = arrivals.network.virtual_networks.list_all()
    network = next(one.id for one in networks if one.name == "vnet-main")
    locks = "providers/Microsoft.Authorization/locks/frozen"
    lock = {"id": f"{network}/{locks}", "name": "frozen", "properties": {"level": "ReadOnly"}}
    seeder.ec2.modify_instance_attribute(InstanceId=machine.vm, DisableApiStop={"Value": True})
    sandbox.control(
        "aws", "PUT", "settings", {"denied": ["ec2:StartInstances"], "quotas": {"L-309BACF6": 0}}
    )
    sandbox.control("azure", "PUT", "settings", {"core_limit": 1, "locks": [lock]})
    try:
        answer = refused(4, machine.vm, *answered)
        planned = sandbox.here("plan", sandbox.source, machine.vm, sandbox.target, *answered)
    finally:
        sandbox.control("azure", "PUT", "settings", {"core_limit": 350, "locks": []})
        sandbox.control("aws", "PUT", "settings", {"denied": [], "quotas": {}})
        seeder.ec2.modify_instance_attribute(InstanceId=machine.vm, DisableApiStop={"Value": False})

    assert answer.error["code"] == "preflight-failed"
    found = {finding["code"]: finding["what"] for finding in answer.error["findings"]}
    assert found.keys() == {
        "permissions", "stop-protected", "quota-snapshots", "quota-cores", "network-locked",
    }  # fmt: skip
    assert all(what in answer.error["what"] for what in found.values())
    # Who plans need not be who moves: what only the mover lacks is a warning there.
    told = {one["code"]: one["severity"] for one in planned.document["findings"]}
    assert planned.exit_code == 4
    assert told.items() >= dict.fromkeys(found, "refuse").items() - {("permissions", "refuse")}
    assert told["permissions"] == "warn"


@pytest.mark.parametrize(
    "words",
    [
        ["migrate"],
        ["migrate", "a", "b", "c", "--stop-timeout", "soon"],
        ["nosuch"],
        ["plan", "--nosuch"],
        ["status", "a", "b"],
    ],
    ids=["too few", "no number", "unknown command", "unknown option", "too many"],
)
def test_a_usage_error_is_one_document_too(sandbox, words):
    answer = sandbox.here(*words)
    assert (answer.exit_code, answer.error["code"]) == (2, "bad-input")
    assert answer.error["resumable"] is False


def test_no_words_at_all_show_the_help_and_no_traceback():
    shown = subprocess.run([COLDFERRY], capture_output=True, text=True, check=False, timeout=60)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "migrate" in shown.stderr
    assert "Traceback" not in shown.stderr


def _closed() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
