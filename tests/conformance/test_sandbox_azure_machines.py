"""The Azure double refuses machines and networks that Azure refuses."""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.azure import seed
from tests.conformance import bicep_types
from tests.conformance.azure_rig import (
    GROUP,
    LOCATION,
    Azure,
    data_disk,
    refused,
    running,
    upload_body,
    vm_body,
)


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with running(tmp_path_factory.mktemp("azure")) as found:
        yield found


@pytest.fixture(scope="module")
def parts(azure: Azure) -> dict[str, str]:
    """One disk and one interface that only refused machines name."""
    return {"disk": azure.ready_disk("spare-os"), "nic": azure.nic("spare-nic")}


@pytest.fixture(autouse=True)
def _clean(azure: Azure) -> Iterator[None]:
    yield
    azure.reset()


# --- machines


def test_disk_in_upload_is_not_attached(azure: Azure, parts: dict[str, str]) -> None:
    """Attach before revoke is refused."""
    azure.upload_disk("unrevoked")
    azure.grant("unrevoked")
    with refused(409, "OperationNotAllowed", "ActiveUpload"):
        azure.put_vm("vm", vm_body(azure.id("Microsoft.Compute/disks", "unrevoked"), parts["nic"]))


def test_specialised_disk_takes_no_os_profile(azure: Azure, parts: dict[str, str]) -> None:
    """OsProfile does not go with an attached OS disk."""
    body = vm_body(parts["disk"], parts["nic"], osProfile={"computerName": "x"})
    with refused(400, "InvalidParameter", "osProfile"):
        azure.put_vm("vm", body)


@pytest.mark.parametrize(
    ("size", "status", "code"),
    [
        ("Standard_Z9", 400, "InvalidParameter"),
        ("Standard_M8ms", 409, "SkuNotAvailable"),
        ("Standard_D2ps_v5", 400, "BadRequest"),
        ("Standard_D2s_v6", 400, "BadRequest"),
    ],
    ids=["unknown", "restricted", "generation", "generation and controller"],
)
def test_size_that_does_not_fit_is_refused(
    azure: Azure, parts: dict[str, str], size: str, status: int, code: str
) -> None:
    """The size exists, is offered and boots the disk's generation."""
    with refused(status, code):
        azure.put_vm("vm", vm_body(parts["disk"], parts["nic"], size=size))


def test_architecture_has_to_match(azure: Azure, parts: dict[str, str]) -> None:
    """An Arm64 disk does not boot on an x64 size."""
    arm: Any = {"hyperVGeneration": "V2", "supportedCapabilities": {"architecture": "Arm64"}}
    disk = azure.ready_disk("arm", **arm)
    with refused(400, "BadRequest", "Architecture"):
        azure.put_vm("vm", vm_body(disk, parts["nic"]))


def test_premium_disk_needs_a_premium_size(azure: Azure, parts: dict[str, str]) -> None:
    """A size without PremiumIO takes no premium disk."""
    disk = azure.ready_disk("premium", sku="Premium_LRS")
    with refused(400, "InvalidParameter", "Premium_LRS"):
        azure.put_vm("vm", vm_body(disk, parts["nic"], size="Standard_D2_v3"))


def test_zone_of_disk_and_machine_agree(azure: Azure, parts: dict[str, str]) -> None:
    """A zonal disk goes to a machine in its zone only."""
    disk = azure.ready_disk("zonal", zone="1")
    with refused(400, "BadRequest", "zone"):
        azure.put_vm("vm", vm_body(disk, parts["nic"]) | {"zones": ["2"]})


def test_trusted_launch_needs_a_disk_made_for_it(azure: Azure, parts: dict[str, str]) -> None:
    """Security types of machine and OS disk have to agree."""
    disk = azure.ready_disk("plain-v2", hyperVGeneration="V2")
    trusted = {"securityType": "TrustedLaunch", "uefiSettings": {"secureBootEnabled": True}}
    with refused(400, "BadRequest", "Security type"):
        azure.put_vm("vm", vm_body(disk, parts["nic"], securityProfile=trusted))


def test_trusted_launch_disk_needs_generation_two(azure: Azure) -> None:
    """A generation-one disk cannot be a Trusted Launch disk."""
    with refused(400, "BadRequest", "V2"):
        azure.upload_disk("misfit", securityProfile={"securityType": "TrustedLaunch"})


def test_too_many_data_disks_are_refused(azure: Azure, parts: dict[str, str]) -> None:
    """A B1s takes two data disks."""
    body = vm_body(parts["disk"], parts["nic"], size="Standard_B1s")
    body["properties"]["storageProfile"]["dataDisks"] = [data_disk("/x", lun) for lun in range(3)]
    with refused(409, "OperationNotAllowed", "maximum number of data disks"):
        azure.put_vm("vm", body)


def test_same_lun_twice_is_refused(azure: Azure, parts: dict[str, str]) -> None:
    """Each data disk has its own lun."""
    body = vm_body(parts["disk"], parts["nic"])
    body["properties"]["storageProfile"]["dataDisks"] = [data_disk("/x", 0), data_disk("/y", 0)]
    with refused(400, "InvalidParameter", "lun"):
        azure.put_vm("vm", body)


def test_too_many_interfaces_are_refused(azure: Azure, parts: dict[str, str]) -> None:
    """A D2s_v3 takes two interfaces."""
    with refused(400, "BadRequest", "network interfaces"):
        azure.put_vm("vm", vm_body(parts["disk"], parts["nic"], "/b", "/c"))


def test_exactly_one_interface_is_primary(azure: Azure, parts: dict[str, str]) -> None:
    """Two interfaces without a primary are refused."""
    body = vm_body(parts["disk"], parts["nic"], azure.nic("second"))
    for item in body["properties"]["networkProfile"]["networkInterfaces"]:
        item["properties"]["primary"] = False
    with refused(400, "InvalidParameter", "primary"):
        azure.put_vm("vm", body)


def test_interfaces_are_in_one_network(azure: Azure, parts: dict[str, str]) -> None:
    """The interfaces of a machine do not span two networks."""
    subnets = [{"name": "s", "properties": {"addressPrefix": "10.9.0.0/24"}}]
    space = {"addressPrefixes": ["10.9.0.0/16"]}
    body: Any = {"location": LOCATION, "properties": {"addressSpace": space, "subnets": subnets}}
    azure.network.virtual_networks.begin_create_or_update(GROUP, "vnet-other", body).result()
    other = azure.nic("other-nic", subnet="s", vnet="vnet-other")
    with refused(400, "SubnetsNotInSameVnet"):
        azure.put_vm("vm", vm_body(parts["disk"], parts["nic"], other))


def test_cores_beyond_the_quota_are_refused(azure: Azure, parts: dict[str, str]) -> None:
    """The quota of the region is kept, and usages tell of it."""
    azure.control("PUT", "settings", {"core_limit": 1})
    cores = next(item for item in azure.compute.usage.list(LOCATION) if item.name.value == "cores")
    assert cores.limit == 1
    with refused(409, "OperationNotAllowed", "quota"):
        azure.put_vm("vm", vm_body(parts["disk"], parts["nic"]))


def test_busy_parts_of_a_machine_are_protected(azure: Azure) -> None:
    """What a machine holds is neither deleted, nor shared, nor read while it runs."""
    disk, nic = azure.ready_disk("busy"), azure.nic("busy-nic")
    azure.put_vm("busy-vm", vm_body(disk, nic))
    with refused(409, "OperationNotAllowed", "attached"):
        azure.compute.disks.begin_delete(GROUP, "busy").result()
    with refused(409, "OperationNotAllowed"):
        azure.grant("busy", "Read")
    with refused(400, "NicInUse"):
        azure.network.network_interfaces.begin_delete(GROUP, "busy-nic").result()
    with refused(409, "ConflictingUserInput"):
        azure.put_vm("vm", vm_body(disk, azure.nic("free-nic")))
    with refused(400, "NicInUse"):
        azure.put_vm("vm", vm_body(azure.ready_disk("free"), nic))
    with refused(409, "OperationNotAllowed", "deallocated"):
        azure.put_vm("busy-vm", vm_body(disk, nic, size="Standard_D4s_v3"))
    azure.compute.virtual_machines.begin_deallocate(GROUP, "busy-vm").result()
    with refused(409, "OperationNotAllowed", "restart"):
        azure.compute.virtual_machines.begin_restart(GROUP, "busy-vm").result()
    azure.grant("busy", "Read")
    with refused(409, "OperationNotAllowed", "shared"):
        azure.compute.virtual_machines.begin_start(GROUP, "busy-vm").result()
    azure.revoke("busy")
    assert azure.state("busy") == "Reserved"
    azure.compute.virtual_machines.begin_start(GROUP, "busy-vm").result()
    assert azure.state("busy") == "Attached"
    azure.compute.virtual_machines.begin_delete(GROUP, "busy-vm").result()


# --- networks


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("10.0.2.9", "PrivateIPAddressNotInSubnet"),
        ("10.0.1.3", "PrivateIPAddressInReservedRange"),
        ("10.0.1.255", "PrivateIPAddressInReservedRange"),
        ("10.0.1.77", "PrivateIPAddressInUse"),
        ("10.0.1", "InvalidIPAddressFormat"),
    ],
)
def test_bad_static_address_is_refused(azure: Azure, address: str, code: str) -> None:
    """A static address is in the subnet, not reserved and free."""
    static = {"privateIPAllocationMethod": "Static"}
    azure.nic("static", privateIPAddress="10.0.1.77", **static)
    with refused(400, code):
        azure.nic("static-two", privateIPAddress=address, **static)


@pytest.mark.parametrize(
    ("priorities", "code"),
    [((99,), "SecurityRuleInvalidPriority"), ((200, 200), "SecurityRuleConflict")],
)
def test_bad_rule_priority_is_refused(azure: Azure, priorities: tuple[int, ...], code: str) -> None:
    """Priorities are 100 to 4096 and unique in a direction."""
    rule = {"protocol": "Tcp", "access": "Allow", "direction": "Inbound", "sourcePortRange": "*"}
    rule |= {
        "sourceAddressPrefix": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "1",
    }
    rules = [
        {"name": f"r{n}", "properties": rule | {"priority": p}} for n, p in enumerate(priorities)
    ]
    body: Any = {"location": LOCATION, "properties": {"securityRules": rules}}
    with refused(400, code):
        azure.network.network_security_groups.begin_create_or_update(GROUP, "nsg", body).result()


def test_network_parts_in_use_are_not_deleted(azure: Azure, parts: dict[str, str]) -> None:
    """A group, a subnet and a network in use stay."""
    group = azure.id("Microsoft.Network/networkSecurityGroups", seed.SECURITY_GROUP)
    nic = azure.network.network_interfaces.get(GROUP, "spare-nic").as_dict(exclude_readonly=True)
    nic["properties"]["networkSecurityGroup"] = {"id": group}
    nics = azure.network.network_interfaces
    keep = ("ipConfigurations", "networkSecurityGroup")
    body: Any = {"location": LOCATION, "properties": {key: nic["properties"][key] for key in keep}}
    nics.begin_create_or_update(GROUP, "spare-nic", body).result()
    with refused(400, "InUseNetworkSecurityGroupCannotBeDeleted"):
        azure.network.network_security_groups.begin_delete(GROUP, seed.SECURITY_GROUP).result()
    with refused(400, "InUseSubnetCannotBeDeleted"):
        azure.network.subnets.begin_delete(GROUP, seed.NETWORK, "apps").result()
    # The network cannot go for the same reason.
    with refused(400, "InUseSubnetCannotBeDeleted"):
        azure.network.virtual_networks.begin_delete(GROUP, seed.NETWORK).result()


@pytest.mark.parametrize(
    ("prefix", "code"),
    [
        ("10.0.1.128/25", "NetcfgSubnetRangesOverlap"),
        ("192.168.0.0/24", "NetcfgInvalidSubnet"),
        ("10.0.3.1/24", "InvalidCIDRNotation"),
    ],
)
def test_bad_subnet_is_refused(azure: Azure, prefix: str, code: str) -> None:
    """A subnet is a proper block of its network and overlaps no other."""
    body: Any = {"properties": {"addressPrefix": prefix}}
    with refused(400, code):
        azure.network.subnets.begin_create_or_update(GROUP, seed.NETWORK, "new", body).result()


def test_unknown_subnet_is_refused(azure: Azure) -> None:
    """An interface names a subnet that exists."""
    with refused(404, "NotFound"):
        azure.nic("lost-nic", subnet="nowhere")


def test_public_address_in_use_is_not_deleted(azure: Azure) -> None:
    """A public address stays while an interface has it."""
    body: Any = {"location": LOCATION, "sku": {"name": "Standard"}}
    body["properties"] = {"publicIPAllocationMethod": "Static"}
    addresses = azure.network.public_ip_addresses
    made = addresses.begin_create_or_update(GROUP, "public", body).result()
    azure.nic("public-nic", publicIPAddress={"id": made.id})
    with refused(400, "PublicIPAddressCannotBeDeleted"):
        addresses.begin_delete(GROUP, "public").result()


def test_accepted_bodies_fit_the_published_types(azure: Azure) -> None:
    """Every PUT body accepted so far fits Microsoft's own types."""
    puts = [item for item in azure.control("GET", "puts") if item["accepted"]]
    assert puts
    checked = 0
    for item in puts:
        # The newest network version has no published types; the bodies are the same.
        version = item["api_version"].replace("2026-03-01", "2025-09-01")
        found = bicep_types.problems(item["type"], version, item["body"])
        if found is None:
            pytest.skip(f"no types in {bicep_types.TYPES_DIR}")
        assert found == []
        checked += 1
    assert checked == len(puts)
    bad = upload_body(hyperVGen="V1", diskSizeBytes=5, osType="Lnux")
    assert len(bicep_types.problems("Microsoft.Compute/disks", "2026-03-02", bad) or []) == 3
