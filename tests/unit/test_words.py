"""Every field has a title in a team's words, and a place among the others."""

import pytest

from coldferry.leaves import leaves, pattern_of, schema_patterns
from coldferry.words import GROUPS, WORDS, group, title
from tests.unit.machines import a_disk, a_full_machine, a_machine, a_nic


def test_every_leaf_of_the_schema_has_words_and_no_words_are_left_over():
    assert set(WORDS) == set(schema_patterns())


def test_every_field_belongs_to_a_group():
    assert {place for place, _ in WORDS.values()} == set(GROUPS)


def test_every_leaf_of_a_full_machine_has_a_title_without_a_path():
    machine = a_full_machine()
    titles = {leaf.path: title(machine, leaf.path) for leaf in leaves(machine)}

    assert all(words[0].isupper() for words in titles.values())
    assert not [words for words in titles.values() if "{" in words or "[" in words]
    assert not [path for path, words in titles.items() if pattern_of(path) in words and "." in path]


def test_titles_of_one_machine_are_different():
    machine = a_machine(nics=(a_nic(), a_nic(private_address="10.0.1.21")))
    named = [title(machine, leaf.path) for leaf in leaves(machine)]

    assert len(set(named)) == len(named)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nics[0].subnet_id", "Network for interface 1 (10.0.1.20)"),
        ("nics[1].private_address", "Private address of interface 2 (02:00:00:00:00:01)"),
        ("disks[0].kind", "Type of disk 1 (/dev/sda1, 8 GiB)"),
        ("name", "Name of the machine"),
    ],
)
def test_people_count_from_one_and_see_what_they_know_it_by(path, words):
    machine = a_machine(nics=(a_nic(), a_nic(private_address=None)))

    assert title(machine, path) == words


def test_fields_of_one_kind_have_one_title_that_names_each_of_them():
    machine = a_machine(disks=(a_disk(), a_disk(device="/dev/sdf"), a_disk(device="/dev/sdg")))

    assert title(machine, *(f"disks[{n}].key_id" for n in range(3))) == (
        "Encryption key of disk 1 (/dev/sda1, 8 GiB), disk 2 (/dev/sdf, 8 GiB) "
        "and disk 3 (/dev/sdg, 8 GiB)"
    )


def test_a_stranger_s_braces_are_no_placeholders_and_their_controls_are_gone():
    machine = a_machine(disks=(a_disk(device="{nics}{0}\x1b[31m\u202e"),))

    assert title(machine, "disks[0].kind") == "Type of disk 1 ({nics}{0} [31m , 8 GiB)"


def test_groups_follow_one_another_in_the_order_of_the_page():
    assert GROUPS.index(group("name")) < GROUPS.index(group("nics[0].subnet_id"))
    assert GROUPS.index(group("disks[0].kind")) < GROUPS.index(group("tags[0].key"))
