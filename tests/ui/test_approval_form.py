"""The approval form as an ops person has it before their eyes."""

import pytest

from tests.ui.browser import a_page, ensure_chromium, open_approval


@pytest.fixture(scope="module")
def run(served):
    """A suspended run of the sandbox's machine."""
    if not ensure_chromium():
        pytest.skip("there is no /usr/bin/chromium here, and it cannot be installed")
    started = served.submit(served.sandbox.state["machines"][0])
    served.wait(started, "Suspended")
    return started


@pytest.fixture(scope="module")
def form(served, run):
    """The dialog behind the Resume button."""
    with a_page(height=2500) as page:
        yield open_approval(page, served.address, run)


def field(form, title):
    """The label that begins with these words, and all that belongs to it."""
    return form.locator(".p-label", has_text=title).first


def opened(form, title):
    """The choices of a field's list, which opens at its arrows only."""
    field(form, title).locator(".p-select-button__icon").first.click()
    offered = form.page.locator(".p-select-option")
    offered.last.wait_for()
    return offered


def test_it_says_what_moves_and_that_nothing_happened_yet(form):
    text = form.inner_text()

    assert "web-01: 11 fields to answer" in text
    assert "m5.large becomes Standard_D2s_v5" in text
    assert "Nothing was stopped or created so far." in text


def test_the_decision_comes_first_and_must_be_made(form):
    titles = form.locator(".p-label__label").all_inner_texts()

    assert titles[0].strip() == "Decision"
    assert all("(Optional)" in title for title in titles[1:])


@pytest.mark.parametrize(
    "title",
    [
        "Acknowledge dns.search_domains (now corp.example)",
        "Choose nics[0].subnet_id (now subnet-",
        "Acknowledge disks[1].kind (now io2)",
        "Choose tags[3].key (now team)",
    ],
)
def test_titles_name_field_and_present_value(form, title):
    assert title in form.inner_text()


def test_what_a_choice_means_stands_beside_it(form):
    assert "10.0.1.0/24, holds 10.0.1.20" in field(form, "nics[0].subnet_id").inner_text()
    assert "A downgrade: fewer IOPS" in field(form, "disks[1].kind").inner_text()


def test_the_choices_are_short_enough_to_read(form):
    offered = opened(form, "nics[0].subnet_id").all_inner_texts()
    form.page.keyboard.press("Escape")

    assert [one.strip() for one in offered if one.strip()] == [
        "vnet-main/apps",
        "vnet-main/data",
        "vnet-main/default",
    ]


def test_a_person_can_reject_with_the_mouse(form, served, run):
    opened(form, "Decision").filter(has_text="reject").click()
    form.page.get_by_role("button", name="Submit").click()

    assert served.wait(run, "Cancelled")["state"]["type"] == "CANCELLED"
