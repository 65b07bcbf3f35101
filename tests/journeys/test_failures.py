"""What goes wrong once the machine was touched: exit 5, how to go on, and going on."""

import pytest


@pytest.fixture
def machine(seeder):
    """A machine of the test's own."""
    return seeder.small()


@pytest.fixture
def migrate(sandbox, machine, tmp_path):
    """Migrate that machine with all answers."""
    answers = sandbox.answers(machine.vm, tmp_path / "answers.yaml")

    def run(*options, door=sandbox.here):
        return door("migrate", sandbox.source, machine.vm, sandbox.target, *answers, *options)

    return run


def assert_can_be_resumed(answer):
    assert (answer.exit_code, answer.error["resumable"]) == (5, True), answer
    assert answer.error["what"].endswith(".")
    assert answer.error["do"]


@pytest.mark.slow
def test_a_machine_protected_against_stopping_is_refused_untouched_and_moves_once_it_is_not(
    sandbox, seeder, machine, migrate, arrivals
):
    before = arrivals.everything()
    seeder.ec2.modify_instance_attribute(InstanceId=machine.vm, DisableApiStop={"Value": True})
    answer = migrate()
    assert (answer.exit_code, answer.error["code"]) == (4, "preflight-failed")
    assert "--no-disable-api-stop" in answer.error["do"]
    assert arrivals.everything() == before
    assert seeder.our_tags(machine.vm) == {}
    assert seeder.state(machine.vm) == "running"

    seeder.ec2.modify_instance_attribute(InstanceId=machine.vm, DisableApiStop={"Value": False})
    report = migrate(door=sandbox.cli).document
    assert report["state"] == "allocated"
    assert arrivals.differing(machine, report) == []


@pytest.mark.slow
def test_a_machine_still_stopping_at_the_deadline_fails_and_goes_on_later(
    sandbox, machine, migrate, arrivals
):
    before = arrivals.everything()
    answer = migrate("--stop-timeout", "0", door=sandbox.cli)
    assert_can_be_resumed(answer)
    assert answer.error["code"] == "will-not-stop"
    assert arrivals.everything() == before

    assert migrate().document["state"] == "allocated"


def test_a_permission_that_the_target_denies_after_the_halt_fails_and_is_rolled_back(
    sandbox, seeder, machine, migrate, arrivals
):
    before = arrivals.everything()
    fault = {
        "operation": "compute:disks.put",
        "status": 403,
        "code": "AuthorizationFailed",
        "times": 99,
    }
    with sandbox.failing("azure", fault):
        answer = migrate()
    assert_can_be_resumed(answer)
    assert answer.error["code"] == "denied"
    assert "Microsoft.Compute/disks/write" in answer.sentences
    assert seeder.state(machine.vm) == "stopped"

    (tag,) = [v for k, v in seeder.our_tags(machine.vm).items() if k == "coldferry:attempt"]
    migration, state, _ = tag.split()
    assert state == "failed"
    # A block of the same cloud that does not answer, and comes first, is in nobody's way.
    sandbox.save_block("a-dead-one", "azure", endpoint="https://127.0.0.1:9")
    undone = sandbox.here("rollback", migration)
    assert (undone.exit_code, undone.document.get("state")) == (0, "rolled-back"), undone
    assert arrivals.everything() == before
    assert seeder.state(machine.vm) == "running"
