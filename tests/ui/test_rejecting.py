"""A person says no in the form, in Prefect's first UI."""

import pytest

from tests.journeys.test_deployment import a_machine
from tests.ui.forms import FirstForm

pytestmark = pytest.mark.slow


class Rejected:
    """A machine that a person looks at, and leaves where it is."""

    def __init__(self, served, page):
        self.seeded = a_machine(served, "172.31.0.23", Name="db-23")
        self.before = served.arrivals.everything()
        self.run = served.submit(self.seeded.vm)
        served.form(served.wait(self.run, "Suspended"))
        form = FirstForm.of_run(page, served.address, self.run)
        form.choose("Decision", "reject")
        form.write("Your name", "Ada")
        form.write("Reason", "Not tonight.")
        form.send()
        self.done = served.wait(self.run, "Cancelled")
        self.made = served.arrivals.everything() - self.before


@pytest.fixture(scope="module")
def rejected(served, page):
    return Rejected(served, page)


def test_it_needs_no_other_field_and_ends_the_run_with_name_and_reason(rejected):
    assert rejected.done["state"]["type"] == "CANCELLED"
    assert rejected.done["state"]["message"] == "Rejected by Ada: Not tonight."


def test_nothing_was_made_and_the_machine_runs_on(rejected, served):
    assert rejected.made == set()
    assert served.seeder.state(rejected.seeded.vm) == "running"
