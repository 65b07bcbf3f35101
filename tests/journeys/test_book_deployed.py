"""A run that the book answers goes on by itself; one that waits for a person keeps to its form."""

import asyncio

import pytest

from coldferry.book import BookRule
from coldferry.translation import ACKNOWLEDGE
from tests.journeys.test_deployment import RIGHT, a_machine

pytestmark = pytest.mark.slow

USER_DATA = "user_data_sha256"


class Waves:
    """Three machines by the deployment: answered by a person, by the book, and by both."""

    def __init__(self, served):
        self.served = served
        first = served.submit(a_machine(served, "172.31.0.31").vm, use_book=True)
        served.wait(first, "Suspended")
        served.resume(first, decision="approve", decided_by="Ada", **RIGHT)
        served.wait(first, "Completed")
        self.second = served.submit(a_machine(served, "172.31.0.32").vm, use_book=True)
        served.wait(self.second, "Completed")
        self.third = served.submit(self._with_user_data(), use_book=True)
        asked = served.wait(self.third, "Suspended")
        self.schema, _ = served.form(asked)
        with served.sandbox.inside():
            asyncio.run(self._change_the_book())
        served.resume(self.third, decision="approve", decided_by="Bob", **{USER_DATA: ACKNOWLEDGE})
        self.done = served.wait(self.third, "Completed", after=asked["state"]["id"])

    def report(self, run):
        artifact = {"artifacts": {"flow_run_id": {"any_": [run]}}}
        listed = self.served.api("POST", "/artifacts/filter", artifact)
        return next(one for one in listed if one["key"].startswith("report-"))["data"]

    def _with_user_data(self):
        return self.served.seeder.small(
            UserData="#!/bin/sh\n",
            SubnetId=_subnet(self.served),
            PrivateIpAddress="172.31.0.33",
        ).vm

    @staticmethod
    async def _change_the_book():
        """What another run might learn meanwhile: the very answer that the form waits for."""
        from tasks.book import keep

        await keep(
            [
                BookRule(
                    pattern="user_data.sha256",
                    value=ACKNOWLEDGE,
                    by="somebody else",
                    at="2031-05-01T12:00:00+00:00",
                )
            ]
        )


def _subnet(served):
    held = [{"Name": "cidr-block", "Values": ["172.31.0.0/20"]}]
    return served.sandbox.ec2.describe_subnets(Filters=held)["Subnets"][0]["SubnetId"]


@pytest.fixture(scope="module")
def waves(served):
    with served.sandbox.booked():
        yield Waves(served)


def test_a_run_of_a_second_machine_of_the_same_shape_is_never_suspended(waves):
    assert waves.served.suspensions(waves.second) == 0
    assert "Approved by `the translation book`" in waves.report(waves.second)


def test_the_report_names_the_rule_and_who_approved_it_first_in_the_form(waves):
    lines = waves.report(waves.second).splitlines()
    subnet = next(line for line in lines if "`nics[0].subnet_id`" in line)

    assert "book: rule `" in subnet
    assert "`Ada` at `" in subnet


def test_a_form_asks_what_the_book_leaves_open_and_says_what_it_answers(waves):
    signed = {"decision", "decided_by", "reason"}
    assert waves.schema["properties"].keys() - signed == {USER_DATA}
    told = waves.schema["properties"]["decision"]["description"]
    line = next(line for line in told.splitlines() if "Network for interface 1" in line)
    assert line.startswith("FROM THE BOOK: ")
    assert "`vnet-main/default`" in line
    assert "first approved by `Ada`" in line


def test_what_the_book_learns_while_a_form_waits_takes_no_answer_from_the_person(waves):
    lines = waves.report(waves.third).splitlines()
    answered = next(line for line in lines if "`user_data.sha256`" in line)

    assert waves.served.suspensions(waves.third) == 1
    assert "Approved by `Bob`" in waves.report(waves.third)
    assert "dropped by person" in answered
