"""What descriptors say, in all the ways that they say it; and what is refused in one sentence."""

import pytest

from coldferry.errors import UnknownMachine
from coldferry.machine import UNKNOWN
from providers.ovf.access import OvfAccess
from providers.ovf.cloud import OvfCloud
from tests.unit.ovf_looks import described, folder, found, refusal
from tests.unit.ovf_packages import (
    CONTROLLER,
    CPU,
    DISK,
    FILE,
    FIRST,
    ITEMS,
    MIB,
    NIC,
    SIZE,
    STREAM,
    descriptor,
    disk_item,
    memory,
    system,
)

__all__ = ["described", "folder", "found"]

GIB = 1 << 30


def test_a_plain_descriptor_says_what_the_machine_is(described, folder):
    machine = described(descriptor())

    assert machine.origin.model_dump() == {
        "provider": "ovf",
        "scope": str(folder),
        "id": "web.ovf",
    }
    assert (machine.name, machine.vcpus, machine.memory_bytes) == ("web-01", 2, 4 * GIB)
    assert (machine.firmware, machine.hostname, machine.os_family) == (UNKNOWN,) * 3
    (disk,) = machine.disks
    assert (disk.id, disk.device, disk.root, disk.size_bytes) == ("d1", "scsi0:0", True, SIZE)
    (nic,) = machine.nics
    assert (nic.mac, nic.subnet_id, nic.private_address) == (
        "02:00:00:aa:bb:01",
        "VM Network",
        None,
    )


@pytest.mark.parametrize(
    ("quantity", "units"),
    [
        (4096, "byte * 2^20"),
        (4096, "bytes*2^20"),
        (4096, "MegaBytes"),
        (4096, "MegaByte"),
        (4096, "MB"),
        (4096, "mib"),
        (4, "GigaBytes"),
        (4, "GB"),
        (4, "byte * 2^10 * 2^20"),
        (4194304, "KiloBytes"),
        (4194304, "byte * 1024"),
        (4294967296, "byte"),
    ],
)
def test_a_unit_of_any_spelling_is_understood(described, quantity, units):
    items = CPU + memory(quantity, units) + CONTROLLER + FIRST

    assert described(descriptor(systems=system(items))).memory_bytes == 4 * GIB


@pytest.mark.parametrize("units", ["", "furlongs", "byte * 2^99", "byte * 9999999999^99", "hertz"])
def test_memory_in_no_unit_of_bytes_is_refused(described, units):
    items = CPU + memory(4096, units) + CONTROLLER + FIRST

    assert "no unit of bytes" in refusal(described, descriptor(systems=system(items)))


@pytest.mark.parametrize("quantity", ["many", "-1", "0", "²", "9" * 30])
def test_a_number_that_is_none_is_refused(described, quantity):
    items = CPU + memory(quantity) + CONTROLLER + FIRST

    assert "memory" in refusal(described, descriptor(systems=system(items)))


def test_a_machine_without_processors_is_refused(described):
    said = refusal(described, descriptor(systems=system(memory() + CONTROLLER + FIRST)))

    assert "CPUs" in said


def test_version_2_spells_disks_and_interfaces_in_elements_of_their_own(described):
    storage = FIRST.replace("Item>", "StorageItem>").replace("rasd:", "sasd:")
    port = NIC.replace("Item>", "EthernetPortItem>").replace("rasd:", "epasd:")
    text = descriptor(
        systems=system(CPU + memory() + CONTROLLER + storage + port),
        space="http://schemas.dmtf.org/ovf/envelope/2",
    ).replace("<Envelope ", '<Envelope xmlns:sasd="urn:s" xmlns:epasd="urn:e" ')
    machine = described(text)

    assert machine.disks[0].device == "scsi0:0"
    assert machine.nics[0].mac == "02:00:00:aa:bb:01"


@pytest.mark.parametrize(
    "text",
    [
        '<Envelope xmlns="http://www.vmware.com/schema/ovf/1/envelope"><References/></Envelope>',
        '<Envelope xmlns="urn:x"><Section/><Content/></Envelope>',
    ],
)
def test_version_0_9_is_refused_by_its_name(described, text):
    assert "OVF 0.9" in refusal(described, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<Envelope",
        "<html/>",
        "\x00",
        descriptor(systems=""),
        descriptor(systems='<VirtualSystem ovf:id="x"/>'),
        "<Envelope>" + "<VirtualSystemCollection>" * 5000 + "</VirtualSystemCollection>" * 5000
        + "</Envelope>",
        " " * (3 * MIB),
        descriptor(systems=system() * 65),
        descriptor(more="<ProductSection/>" * 100_000),
    ],
)  # fmt: skip
def test_what_is_no_descriptor_of_a_machine_is_refused(described, text):
    refusal(described, text)


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">',
    ],
)
def test_entities_and_document_types_are_refused(described, head):
    text = descriptor().replace("?>\n", f"?>{head}", 1)

    assert "document type" in refusal(described, text)


def test_names_that_are_not_ascii_are_kept(described):
    assert described(descriptor(systems=system(name="Büro-サーバー &lt;1&gt;"))).name == (
        "Büro-サーバー <1>"
    )


def test_of_several_systems_each_is_a_machine_and_which_is_asked(described, folder):
    both = (
        "<VirtualSystemCollection>"
        f"{system(id_='web')}{system(CPU + memory(), id_='a/b', name='db')}"
        "</VirtualSystemCollection>"
    )
    said = refusal(described, descriptor(systems=both))

    assert "2 machines" in said
    cloud = OvfCloud(OvfAccess(folder=str(folder)))
    assert cloud.machines() == ["web.ovf#web", "web.ovf#a%2Fb"]
    assert cloud.describe("web.ovf#a%2Fb").name == "db"
    with pytest.raises(UnknownMachine):
        cloud.describe("web.ovf#mail")


def test_two_systems_of_one_id_are_refused(described):
    assert "one id" in refusal(described, descriptor(systems=system() + system()))


CHOICES = (
    '<DeploymentOptionSection><Info/><Configuration ovf:id="small"/>'
    '<Configuration ovf:id="large" ovf:default="true"/></DeploymentOptionSection>'
)


def test_the_default_configuration_is_taken_and_the_others_are_told(described, found):
    items = (
        CPU + memory(2048, attributes='ovf:configuration="small"') + memory(1024)
        + memory(8192, attributes='ovf:configuration="large huge"') + CONTROLLER + FIRST
    )  # fmt: skip
    text = descriptor(systems=system(items), more=CHOICES)

    assert described(text).memory_bytes == 8 * GIB
    assert described(text).instance_type == "large"
    assert "small" in found(text, "inform")["configuration"]
    assert described(text.replace(' ovf:default="true"', "")).memory_bytes == 2 * GIB


def test_a_size_that_is_a_property_has_its_value_of_the_configuration(described):
    product = (
        '<ProductSection ovf:class="com.acme"><Info/><Property ovf:key="size" ovf:value="1">'
        '<Value ovf:value="4" ovf:configuration="large"/></Property></ProductSection>'
    )
    disk = DISK.replace(f'"{SIZE}"', '"${size}" ovf:capacityAllocationUnits="byte * 2^20"')
    text = descriptor(disks=disk, systems=system(more=product), more=CHOICES)

    assert described(text).disks[0].size_bytes == 4 * MIB
    assert described(text.replace("${size}", "${com.acme.size}")).disks[0].size_bytes == 4 * MIB


def test_a_size_that_is_a_property_without_a_value_is_refused(described):
    said = refusal(described, descriptor(disks=DISK.replace(f'"{SIZE}"', '"${size}"')))

    assert "'size'" in said


@pytest.mark.parametrize(("bounds", "gib"), [(("min", "", "max"), 4), (("min", "max"), 8)])
def test_of_bounds_the_normal_value_counts_else_the_largest(described, bounds, gib):
    values = {"min": 1024, "": 4096, "max": 8192}
    bound = [memory(values[b], attributes=f'ovf:bound="{b}"' if b else "") for b in bounds]
    machine = described(descriptor(systems=system(CPU + "".join(bound) + CONTROLLER + FIRST)))

    assert machine.memory_bytes == gib * GIB


def test_two_items_of_one_instance_are_refused_rather_than_one_of_them_lost(described):
    twice = ITEMS + disk_item(5, 1, "ovf:/disk/d2")
    disks = DISK + DISK.replace('"d1"', '"d2"')

    assert "InstanceID" in refusal(described, descriptor(disks=disks, systems=system(twice)))


def test_disks_stand_in_the_order_of_their_controllers_and_numbers(described):
    disks = "".join(
        f'<Disk ovf:diskId="e{n}" ovf:capacity="{n}" ovf:capacityAllocationUnits="byte * 2^30"/>'
        for n in (1, 2, 3)
    )
    second = CONTROLLER.replace(">3<", ">4<", 1).replace(">6<", ">20<").replace("lsilogic", "AHCI")
    items = (
        CPU + memory() + CONTROLLER + second + disk_item(7, 10, "/disk/e3")
        + disk_item(8, 0, "ovf:/disk/e2", 4) + disk_item(6, 9, "disk/e1")
    )  # fmt: skip
    machine = described(descriptor(disks=disks, systems=system(items)))

    assert [(one.id, one.device) for one in machine.disks] == [
        ("e1", "scsi0:9"),
        ("e3", "scsi0:10"),
        ("e2", "sata0:0"),
    ]
    assert [one.root for one in machine.disks] == [True, False, False]


@pytest.mark.parametrize(
    ("disks", "resource", "words"),
    [
        (DISK, "ovf:/disk/none", "does not describe"),
        (DISK, "ovf:/file/f1", "no disk of it"),
        (DISK, "", "no disk of it"),
        (DISK.replace('"f1"', '"f2"'), "ovf:/disk/d1", "not among its references"),
        (DISK.replace("<Disk ", '<Disk ovf:parentRef="d0" '), "ovf:/disk/d1", "parentRef"),
        (DISK + DISK, "ovf:/disk/d1", "two disks"),
        (DISK.replace(f'"{SIZE}"', '"1000"'), "ovf:/disk/d1", "size of the disk"),
        (DISK.replace(f'"{SIZE}"', '"-5"'), "ovf:/disk/d1", "size of the disk"),
        (DISK.replace(f'"{SIZE}"', f'"{1 << 62}"'), "ovf:/disk/d1", "size of the disk"),
    ],
)
def test_a_disk_that_leads_nowhere_is_refused(described, disks, resource, words):
    items = CPU + memory() + CONTROLLER + disk_item(5, 0, resource)

    assert words in refusal(described, descriptor(disks=disks, systems=system(items)))


def test_one_disk_that_is_attached_twice_is_refused(described):
    items = ITEMS + disk_item(6, 1, "ovf:/disk/d1")

    assert "twice" in refusal(described, descriptor(systems=system(items)))


@pytest.mark.parametrize(
    ("href", "words"),
    [
        ("../disk1.vmdk", "leads out"),
        ("/etc/passwd", "leads out"),
        ("sub/../../x.vmdk", "leads out"),
        ("..\\x.vmdk", "leads out"),
        ("http://127.0.0.1:1/disk1.vmdk", "nothing is fetched"),
        ("file:///etc/passwd", "nothing is fetched"),
        ("link.vmdk", "link that leads out"),
        ("gone.vmdk", "no such file"),
        ("", "leads out"),
    ],
)
def test_a_file_outside_the_package_or_not_there_is_refused(found, folder, href, words):
    (folder / "link.vmdk").symlink_to("/etc/passwd")
    files = FILE.replace("disk1.vmdk", href)

    assert words in found(descriptor(files=files))["disk-file"]


def test_a_file_that_is_not_as_long_as_is_said_is_refused(found):
    files = FILE.replace("<File ", '<File ovf:size="12345" ')

    assert "12345" in found(descriptor(files=files))["disk-file"]


def test_a_disk_that_is_not_as_large_as_is_said_is_refused(found):
    assert (
        str(2 * SIZE)
        in found(descriptor(disks=DISK.replace(f"{SIZE}", f"{2 * SIZE}")))["disk-file"]
    )


def test_a_size_that_its_unit_rounds_up_is_no_lie(described, found):
    disks = DISK.replace(f'"{SIZE}"', '"1" ovf:capacityAllocationUnits="byte * 2^30"')

    assert described(descriptor(disks=disks)).disks[0].size_bytes == SIZE
    assert found(descriptor(disks=disks)) == {}


@pytest.mark.parametrize(
    "format_", ["http://x/#vhdx", "http://qcow2", "http://x/vdi", "x.iso", "?"]
)
def test_a_format_that_is_not_read_is_refused(found, format_):
    disks = DISK.replace(STREAM, format_)
    files = FILE.replace("disk1.vmdk", "disk1") if format_ == "?" else FILE

    assert "not read" in found(descriptor(files=files, disks=disks))["disk-file"]


def test_a_machine_without_a_disk_or_with_empty_ones_only_has_nothing_to_move(found):
    bare = DISK.replace('ovf:fileRef="f1" ', "")

    assert "no-disk" in found(descriptor(systems=system(CPU + memory())))
    assert "empty" in found(descriptor(files="", disks=bare))
