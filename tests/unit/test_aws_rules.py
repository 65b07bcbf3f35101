"""What AWS makes of a description: one verdict a leaf, by behaviour."""

import json
from pathlib import Path
from typing import Any

import pytest

from coldferry.errors import BadAnswer
from coldferry.leaves import leaves, schema_patterns
from coldferry.machine import Dns, Machine, RootImage, Tag
from coldferry.translation import Consequence, Translation, Verdict
from providers.aws.translate import RULES, translate
from tests.unit.catalogue_strategies import whole_aws
from tests.unit.machines import a_full_machine, a_machine, a_nic

IN_APPS = {"nics[0].subnet_id": "main/apps"}
IN_FAR = {"nics[0].subnet_id": "/nets/far/subnets/apps"}


def elsewhere(machine: Machine | None = None, **changes: Any) -> Machine:
    """The same machine, but of another cloud than EC2."""
    machine = machine or a_machine(**changes)
    origin = machine.origin.model_copy(update={"provider": "azure"})
    return machine.model_copy(update={"origin": origin})


def said(machine: Machine, answers: dict[str, Any] | None = None, **changes: Any) -> Translation:
    return translate(machine, whole_aws(**changes), answers or {})


def refusal(machine: Machine, answers: dict[str, Any], **changes: Any) -> dict[str, str]:
    with pytest.raises(BadAnswer) as caught:
        said(machine, answers, **changes)
    return caught.value.problems


def test_every_leaf_of_the_schema_has_a_rule_and_no_rule_is_left_over() -> None:
    assert set(RULES) == set(schema_patterns())


def test_every_leaf_of_a_full_machine_gets_one_verdict_with_a_reason() -> None:
    machine = elsewhere(a_full_machine())

    found = said(machine)
    assert [field.path for field in found.fields] == [leaf.path for leaf in leaves(machine)]
    assert all(field.reason and field.rule.startswith("aws.") for field in found.fields)
    json.loads(found.model_dump_json())


def test_what_may_matter_and_is_lost_has_to_be_acknowledged_and_details_only_inform() -> None:
    found = said(elsewhere(a_full_machine()))

    asked = {f.path for f in found.fields if f.consequence is Consequence.ACKNOWLEDGE}
    assert asked == {
        "secure_boot", "tpm", "dns.servers", "dns.search_domains",
        "nics[0].more_private_addresses", "nics[0].public_address",
        "nics[0].security_groups[0].id", "disks[0].key_id", "ephemeral_disks[0].device",
        "network_filesystems[0].id", "user_data.sha256", "profile", "licence.platform",
        "licence.product_codes",
    }  # fmt: skip
    settled = said(elsewhere(a_full_machine()), dict.fromkeys(asked, "acknowledge"))
    assert settled.missing == ["nics[0].subnet_id", "root_image.image"]


def test_a_plain_machine_leaves_only_its_subnet_open() -> None:
    assert said(a_machine()).missing == ["nics[0].subnet_id"]
    assert said(a_machine(), IN_APPS).missing == []


class TestMachine:
    def test_any_name_becomes_the_tag_name_and_only_a_long_one_is_cut(self) -> None:
        strange = said(a_machine(name="Größe | 🚢"))["name"]
        long = said(a_machine(name="x" * 300))["name"]

        assert (strange.verdict, strange.target) == (Verdict.EXACT, "Größe | 🚢")
        assert (long.verdict, len(long.target)) == (Verdict.EQUIVALENT, 256)

    def test_uefi_says_that_only_the_removable_path_boots(self) -> None:
        found = said(a_machine(firmware="uefi"))["firmware"]

        assert found.target == "uefi"
        assert "BOOTX64.EFI" in found.difference

    @pytest.mark.parametrize(
        ("path", "answer"),
        [("firmware", "uefi"), ("os_family", "linux"), ("architecture", "x86_64")],
    )
    def test_what_the_source_could_not_tell_is_asked_for(self, path: str, answer: str) -> None:
        machine = a_machine(**{path: "unknown"})

        assert path in said(machine).missing
        assert said(machine, {path: answer})[path].target == answer
        assert path in refusal(machine, {path: "mips"})

    def test_the_zone_is_the_subnet_s(self) -> None:
        assert said(a_machine())["zone"].target is None
        assert said(a_machine(zone="a"), IN_APPS)["zone"].verdict is Verdict.EXACT
        assert said(a_machine(), {"nics[0].subnet_id": "main/apps-b"})["zone"].target == "b"

    def test_a_type_that_the_subnet_s_zone_has_not_is_not_chosen(self) -> None:
        machine = a_machine(vcpus=3, nics=(a_nic(private_address=None),))
        in_b = {"nics[0].subnet_id": "main/apps-b"}

        assert said(machine, in_b)["instance_type"].target == "m5.xlarge"
        assert said(machine, IN_APPS)["instance_type"].target != "m5.xlarge"
        assert (
            "zone a" in refusal(machine, IN_APPS | {"instance_type": "m5.xlarge"})["instance_type"]
        )

    def test_hardware_of_its_own_is_kept_and_a_host_is_not(self) -> None:
        assert said(a_machine(tenancy="dedicated"))["tenancy"].target == "dedicated"
        host = said(a_machine(tenancy="host"))["tenancy"]
        assert (host.target, host.consequence) == ("default", Consequence.ACKNOWLEDGE)


class TestNetwork:
    def test_all_interfaces_must_be_in_one_zone_and_one_network(self) -> None:
        machine = a_machine(nics=(a_nic(), a_nic(id="eni-2", private_address=None)))
        path = "nics[1].subnet_id"

        assert "zone" in refusal(machine, IN_APPS | {path: "main/apps-b"})[path]
        assert "network" in refusal(machine, IN_APPS | {path: "/nets/far/subnets/apps"})[path]
        offered = said(machine, IN_APPS)[path].candidates
        assert [candidate.value for candidate in offered] == ["main/apps", "main/data"]

    def test_of_three_interfaces_only_the_one_that_is_elsewhere_is_refused(self) -> None:
        machine = a_machine(nics=tuple(a_nic(id=f"eni-{n}", private_address=None)
                                       for n in range(3)))  # fmt: skip
        answers = IN_FAR | {"nics[1].subnet_id": "main/apps", "nics[2].subnet_id": IN_FAR[
            "nics[0].subnet_id"]}  # fmt: skip

        assert list(refusal(machine, answers)) == ["nics[1].subnet_id"]

    def test_a_full_subnet_is_not_offered(self) -> None:
        found = said(a_machine())["nics[0].subnet_id"]

        assert "main/full" not in {candidate.value for candidate in found.candidates}
        assert (
            "no free address"
            in refusal(a_machine(), {"nics[0].subnet_id": "main/full"})["nics[0].subnet_id"]
        )

    @pytest.mark.parametrize("address", ["10.0.1.3", "10.0.1.255", "10.0.1.50", "10.7.0.9"])
    def test_an_address_that_is_reserved_in_use_or_outside_is_asked_for(self, address: str) -> None:
        machine = a_machine(nics=(a_nic(private_address=address),))
        path = "nics[0].private_address"

        assert said(machine, IN_APPS).missing == [path]
        assert said(machine, IN_APPS | {path: "automatic"})[path].target == "automatic"


class TestResolvers:
    def servers(self, *given: str, **answers: Any) -> Any:
        return said(a_machine(dns=Dns(servers=given)), answers)["dns.servers"]

    def test_the_source_s_own_become_what_the_network_hands_out(self) -> None:
        found = self.servers("AzureProvidedDNS", **IN_FAR)

        assert (found.verdict, found.target) == (Verdict.EQUIVALENT, ["AmazonProvidedDNS"])

    def test_the_network_s_own_are_carried_exactly(self) -> None:
        assert self.servers("10.0.0.2", "10.0.0.3", **IN_APPS).verdict is Verdict.EXACT
        assert self.servers("AmazonProvidedDNS", **IN_FAR).verdict is Verdict.EXACT

    def test_others_are_lost_and_asked_about_before_a_subnet_is_chosen(self) -> None:
        before = self.servers("192.0.2.1")
        after = self.servers("192.0.2.1", **IN_APPS)

        assert before.open and after.open
        assert after.target == ["10.0.0.2", "10.0.0.3"]
        assert "192.0.2.1 becomes 10.0.0.2, 10.0.0.3" in after.difference
        settled = self.servers("192.0.2.1", **IN_APPS, **{"dns.servers": "acknowledge"})
        assert not settled.open

    def test_nothing_is_asked_where_every_network_hands_out_the_same(self) -> None:
        machine = a_machine(dns=Dns(servers=("10.0.0.2", "10.0.0.3")))
        only = whole_aws().networks[:1]
        near = tuple(s for s in whole_aws().subnets if s.network_id == only[0].id)

        found = said(machine, networks=only, subnets=near)["dns.servers"]
        assert found.verdict is Verdict.EXACT

    def test_they_are_no_person_s_to_choose(self) -> None:
        machine = a_machine(dns=Dns(servers=("192.0.2.1",)))

        assert "acknowledge" in refusal(machine, {"dns.servers": "10.9.9.9"})["dns.servers"]


def test_a_root_image_is_asked_for_among_those_that_fit() -> None:
    machine = a_machine(root_image=RootImage(image="x"), disks=())
    found = said(machine)["root_image.image"]

    assert [candidate.value for candidate in found.candidates] == ["ami-1"]
    assert said(machine, {"root_image.image": "golden"})["root_image.image"].target == "ami-1"
    assert [f.path for f in said(machine, images=()).blocking] == ["root_image.image"]


class TestTags:
    def tags(self, given: dict[str, str], answers: dict[str, Any] | None = None) -> Translation:
        return said(a_machine(tags=[Tag(key=k, value=v) for k, v in given.items()]), answers)

    def test_case_tells_keys_apart_and_any_character_is_legal(self) -> None:
        found = self.tags({"team": "a", "Team": "b", "cost/centre <%>": "c"})

        assert {found[f"tags[{n}].key"].verdict for n in range(3)} == {Verdict.EXACT}

    def test_keys_that_are_one_after_cutting_are_asked_for(self) -> None:
        found = self.tags({"k" * 128: "a", "k" * 129: "b"})

        assert found["tags[0].key"].verdict is Verdict.EXACT
        assert found["tags[1].key"].verdict is Verdict.MISSING
        assert len(found["tags[1].key"].candidates[0].value) == 128

    def test_the_name_s_own_tag_is_written_anyway_and_another_name_is_asked_about(self) -> None:
        assert self.tags({"Name": "web-01"})["tags[0].key"].verdict is Verdict.EXACT
        other = self.tags({"Name": "shop"})["tags[0].key"]
        assert [candidate.value for candidate in other.candidates] == ["Name-2", "drop"]

    def test_a_cloud_s_own_tag_is_left_out_and_one_of_ours_is_renamed(self) -> None:
        found = self.tags({"aws:x": "1", "coldferry:migration": "2"})

        assert found["tags[0].key"].verdict is Verdict.DROPPED
        assert found["tags[1].key"].target == "source-coldferry:migration"

    def test_a_person_may_name_a_key_pair_of_the_region(self) -> None:
        machine = a_machine(key_names=("ops",))
        given = {"key_names": "ops"}

        alone = said(machine, key_pairs=("ops",))["key_names"]
        assert alone.target is None
        assert "may be another key" in alone.difference
        assert (
            said(machine, given | {"key_names": "other"}, key_pairs=("ops", "other"))[
                "key_names"
            ].target
            == "other"
        )
        assert "no key pair" in refusal(machine, {"key_names": "nosuch"})["key_names"]


def test_no_rule_knows_the_sdk() -> None:
    folder = Path(__file__).parents[2] / "providers" / "aws"
    pure = [*folder.glob("rules_*.py"), folder / "sizes.py", folder / "translate.py"]

    assert len(pure) > 6
    assert not [path for path in pure if "boto" in path.read_text()]


def test_a_region_without_a_subnet_blocks() -> None:
    assert [f.path for f in said(a_machine(), subnets=()).blocking] == ["nics[0].subnet_id"]
