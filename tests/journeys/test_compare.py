"""Where else a machine could go: every saved target, ranked, on the command line."""

import pytest


class Compared:
    """One machine against the sandbox's target and one that does not answer."""

    def __init__(self, sandbox, seeder):
        self.away = sandbox.save_block("azure-away", "azure", endpoint="https://127.0.0.1:9")
        try:
            vm = seeder.small(UserData="#!/bin/sh\n").vm
            self.told = sandbox.cli("compare", sandbox.source, vm)
        finally:
            sandbox.remove_block(self.away)


@pytest.fixture(scope="module")
def compared(sandbox, seeder):
    return Compared(sandbox, seeder)


def test_a_machine_is_ranked_against_every_saved_target(compared, sandbox):
    targets = compared.told.document["targets"]

    assert compared.told.exit_code == 0
    assert targets[0]["target"] == sandbox.target
    assert targets[0]["gaps"] == ["nics[0].subnet_id"]
    assert "user_data.sha256" in targets[0]["acknowledgements"]
    assert targets[0]["size"].startswith("Standard_")
    assert targets[0]["usd_per_hour"] is None


def test_a_target_that_does_not_answer_is_listed_last_and_ends_nothing(compared):
    targets = compared.told.document["targets"]
    silent = [one["target"] for one in targets if one["verdict"] == "cannot be asked"]
    told = next(one for one in targets if one["target"] == compared.away)

    assert compared.told.exit_code == 0
    assert compared.away in silent
    assert [one["target"] for one in targets][-len(silent) :] == silent
    assert told["error"]
