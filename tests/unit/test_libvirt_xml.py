"""A domain's XML, each oddity described or refused in a sentence; no libvirt is needed."""

import pytest

from coldferry.errors import BadInput
from coldferry.machine import Machine
from providers.libvirt.describe import Around, Network, describe
from providers.libvirt.qcow2 import HEADER_BYTES, rests_on_another
from providers.libvirt.unmovable import findings_of
from providers.libvirt.xml_text import MAX_BYTES, parse, scaled
from tests.unit.domains import DISK, NIC, SIZES, a_domain, disk

GIB = 1 << 30
Q35 = "<type arch='x86_64' machine='pc-q35-8.2'>hvm</type>"


def read(xml: str, around: Around | None = None) -> Machine:
    return describe(parse(xml), "host/system", around or Around())


def refused(xml: str) -> dict[str, str]:
    found = findings_of(parse(xml))
    assert all(f.what.endswith(".") and f.do.endswith(".") for f in found)
    return {f.code: f.severity for f in found}


def refusal(text: str | bytes) -> str:
    with pytest.raises(BadInput) as caught:
        describe(parse(text), "host", Around())
    assert caught.value.what.count(". ") == 0
    return caught.value.what


def test_a_plain_domain_is_described_in_every_field():
    machine = read(a_domain())

    assert (machine.name, machine.origin.id, machine.origin.scope) == (
        *["web-01"] * 2,
        "host/system",
    )
    assert (machine.vcpus, machine.memory_bytes) == (2, 4 * GIB)
    assert (machine.instance_type, machine.architecture) == ("pc/2x4096", "x86_64")
    assert (machine.firmware, machine.secure_boot, machine.tpm) == ("bios", False, None)
    (only,) = machine.disks
    assert (only.id, only.device, only.root) == ("/images/web-01.raw", "vda (virtio)", True)
    assert (only.size_bytes, only.kind, only.shared) == (8 * GIB, "raw file", False)
    (nic,) = machine.nics
    assert (nic.mac, nic.network_id, nic.id) == (
        "52:54:00:ab:cd:01", "default", "net0 (virtio)",
    )  # fmt: skip
    assert refused(a_domain()) == {}


@pytest.mark.parametrize(
    ("unit", "each"),
    [("KiB", 1024), ("k", 1024), ("K", 1024), ("kB", 1000), ("KB", 1000), ("MiB", 1 << 20),
     ("m", 1 << 20), ("MB", 10**6), ("GiB", GIB), ("gib", GIB), ("G", GIB), ("GB", 10**9),
     ("b", 1), ("bytes", 1), ("T", 1 << 40), ("TB", 10**12), ("PiB", 1 << 50), ("E", 1 << 60)],
)  # fmt: skip
def test_memory_is_read_in_every_spelling_of_its_unit(unit, each):
    assert scaled("3", unit, "The memory") == 3 * each
    assert read(a_domain(memory=f"<memory unit='{unit}'>{GIB}</memory>")).memory_bytes == GIB * each


def test_memory_without_a_unit_is_in_kib():
    assert read(a_domain(memory="<memory>2048</memory>")).memory_bytes == 2 << 20


@pytest.mark.parametrize(
    ("memory", "words"),
    [("<memory unit='parsec'>1</memory>", "no unit"), ("<memory>-1</memory>", "no number"),
     ("<memory>1e3</memory>", "no number"), (f"<memory>{'9' * 5000}</memory>", "no number"),
     ("<memory>0</memory>", "no memory"), ("", "no number"), ("<memory>٣</memory>", "no number")],
)  # fmt: skip
def test_memory_that_is_no_size_is_refused(memory, words):
    assert words in refusal(a_domain(memory=memory))


def test_cpus_that_could_be_plugged_in_do_not_count():
    assert read(a_domain(vcpu="<vcpu current='2'>8</vcpu>")).vcpus == 2
    assert read(a_domain(vcpu="")).vcpus == 1


@pytest.mark.parametrize(
    ("machine", "family"),
    [("pc", "pc"), ("pc-i440fx-7.2", "pc"), ("pc-i440fx-rhel7.6.0", "pc"), ("q35", "q35"),
     ("pc-q35-8.2", "q35"), ("pc-q35-rhel9.2.0", "q35"), ("virt-9.0", "virt"),
     ("virt-rhel9.2.0", "virt"), ("pseries-8.0", "pseries"), ("microvm", "microvm"),
     ("", "unknown")],
)  # fmt: skip
def test_a_machine_s_type_loses_its_version(machine, family):
    os = f"<os><type arch='x86_64' machine='{machine}'>hvm</type></os>"
    assert read(a_domain(os=os)).instance_type == f"{family}/2x4096"


@pytest.mark.parametrize(
    ("os", "firmware", "secure"),
    [
        (f"<os firmware='efi'>{Q35}</os>", "uefi", "unknown"),
        (f"<os firmware='bios'>{Q35}</os>", "bios", False),
        (f"<os firmware='efi'>{Q35}<firmware><feature enabled='yes' name='secure-boot'/></firmware>"
         "</os>", "uefi", True),
        (f"<os firmware='efi'>{Q35}<firmware><feature enabled='no' name='secure-boot'/></firmware>"
         "</os>", "uefi", False),
        (f"<os>{Q35}<loader readonly='yes' type='pflash'>/f/OVMF_CODE.fd</loader>"
         "<nvram>/f/web.fd</nvram></os>", "uefi", False),
        (f"<os>{Q35}<loader secure='yes' type='pflash'>/f/C.fd</loader></os>", "uefi", True),
        (f"<os>{Q35}<loader type='rom'>/f/other.bin</loader></os>", "unknown", False),
        (f"<os>{Q35}<kernel>/boot/vmlinuz</kernel></os>", "unknown", "unknown"),
        ("<os><type arch='aarch64' machine='virt-8.2'>hvm</type></os>", "unknown", "unknown"),
    ],
)  # fmt: skip
def test_firmware_is_told_by_its_word_or_its_loader(os, firmware, secure):
    machine = read(a_domain(os=os))
    assert (machine.firmware, machine.secure_boot) == (firmware, secure)


@pytest.mark.parametrize(
    ("arch", "described", "codes"),
    [("x86_64", "x86_64", set()), ("aarch64", "arm64", set()), ("i686", "unknown", set()),
     ("ppc64le", "unknown", {"architecture"}), ("s390x", "unknown", {"architecture"})],
)  # fmt: skip
def test_cpus_of_other_kinds_are_refused(arch, described, codes):
    xml = a_domain(os=f"<os><type arch='{arch}'>hvm</type></os>")
    assert read(xml).architecture == described
    assert set(refused(xml)) == codes


@pytest.mark.parametrize(
    ("backend", "tpm", "codes"),
    [("type='emulator' version='2.0'", "2.0", set()), ("type='emulator'", "unknown", set()),
     ("type='emulator' version='1.2'", "1.2", set()),
     ("type='passthrough'", "unknown", {"host-tpm"})],
)  # fmt: skip
def test_a_tpm_is_told_by_its_version(backend, tpm, codes):
    xml = a_domain(DISK + f"<tpm model='tpm-crb'><backend {backend}/></tpm>")
    assert read(xml).tpm == tpm
    assert set(refused(xml)) == codes


@pytest.mark.parametrize(
    ("element", "id_", "kind"),
    [
        (disk(), "/images/vda.raw", "raw file"),
        (disk(kind="block", source="dev='/dev/vg/web'"), "/dev/vg/web", "raw block"),
        (disk(kind="volume", source="pool='main' volume='w.qcow2'", driver="type='qcow2'"),
         "main/w.qcow2", "qcow2 volume"),
        (disk(kind="network", source="protocol='rbd' name='pool/web'"), "rbd:pool/web",
         "raw network"),
    ],
)  # fmt: skip
def test_a_disk_is_named_by_where_its_bytes_are(element, id_, kind):
    (only,) = read(a_domain(element)).disks
    assert (only.id, only.kind) == (id_, kind)


def test_cds_and_floppies_are_left():
    others = disk("sdb", device="cdrom", bus="sata") + disk("fda", device="floppy", bus="fdc")
    machine = read(a_domain(others + DISK))
    assert [one.device for one in machine.disks] == ["vda (virtio)"]
    empty = "<disk device='cdrom'><target dev='sdc' bus='sata'/></disk>"
    assert len(read(a_domain(DISK + empty)).disks) == 1


def test_the_root_is_the_first_in_the_boot_order_and_comes_first():
    two = disk("vda", "<boot order='2'/>") + disk("vdb", "<boot order='1'/>")
    machine = read(a_domain(two, os=f"<os>{Q35}</os>"))
    assert [(one.device, one.root) for one in machine.disks] == [
        ("vdb (virtio)", True), ("vda (virtio)", False),
    ]  # fmt: skip


def test_a_machine_that_boots_from_no_disk_is_refused():
    xml = a_domain(os=f"<os>{Q35}<boot dev='network'/></os>")
    assert [one.root for one in read(xml).disks] == [False]
    assert refused(xml) == {"no-root": "refuse"}
    assert refused(a_domain(NIC)) == {"no-disk": "refuse"}


@pytest.mark.parametrize(
    ("element", "code"),
    [
        (disk(driver=""), "disk-format"),
        (disk(driver="type='vmdk'"), "disk-format"),
        (disk(inside="<shareable/>"), "disk-shared"),
        (disk(inside="<encryption format='luks'/>"), "disk-encrypted"),
        (disk(driver="type='qcow2'", inside="<backingStore type='file'><format type='raw'/>"
              "<source file='/base'/></backingStore>"), "disk-chain"),
        (disk(kind="nvme", source="type='pci'"), "disk-kind"),
        (disk(kind="dir", source="dir='/exported'"), "disk-kind"),
        (disk(kind="block", device="lun", source="dev='/dev/sdz'"), "disk-kind"),
    ],
)  # fmt: skip
def test_a_disk_that_cannot_be_read_safely_is_refused(element, code):
    assert refused(a_domain(element)) == {code: "refuse"}


def test_an_empty_backing_store_is_no_chain():
    assert refused(a_domain(disk(inside="<backingStore/>"))) == {}


def test_a_shared_or_encrypted_disk_is_described_as_such():
    (shared,) = read(a_domain(disk(inside="<shareable/>"))).disks
    (sealed,) = read(a_domain(disk(inside="<encryption format='luks'/>"))).disks
    assert (shared.shared, shared.encrypted, sealed.encrypted) == (True, "unknown", True)


def test_a_transient_root_is_an_image_and_a_transient_disk_forgets():
    two = disk("vda", "<transient/>") + disk("vdb", "<transient/>")
    machine = read(a_domain(two))
    assert machine.disks == ()
    assert machine.root_image is not None and machine.root_image.image == "/images/vda.raw"
    assert [(one.device, one.size_bytes) for one in machine.ephemeral_disks] == [
        ("vdb (virtio)", GIB)
    ]


def test_a_limit_of_iops_is_its_figure():
    (only,) = read(
        a_domain(disk(inside="<iotune><total_iops_sec>500</total_iops_sec></iotune>"))
    ).disks
    assert only.iops == 500


@pytest.mark.parametrize(
    ("element", "place"),
    [("<interface type='bridge'><source bridge='br0'/></interface>", "bridge:br0"),
     ("<interface type='direct'><source dev='eth0' mode='bridge'/></interface>", "direct:eth0"),
     ("<interface type='user'/>", "user"),
     ("<interface type='network'><source network='lab'/></interface>", "lab")],
)  # fmt: skip
def test_an_interface_s_network_is_told_by_its_kind(element, place):
    (nic,) = read(a_domain(DISK + element)).nics
    assert (nic.network_id, nic.subnet_id, nic.mac) == (place, place, "unknown")


def test_addresses_come_from_the_network_s_reservations_and_leases():
    mac, other = "52:54:00:ab:cd:01", "52:54:00:ab:cd:02"
    network = Network(("192.168.122.0/24",), {mac: "192.168.122.9"}, {other: "192.168.122.77"})
    two = NIC + NIC.replace("AB:CD:01", "AB:CD:02")
    machine = read(a_domain(DISK + two), Around(networks={"default": network}))
    assert [(nic.private_address, nic.address_assignment) for nic in machine.nics] == [
        ("192.168.122.9", "static"), ("192.168.122.77", "automatic"),
    ]  # fmt: skip
    assert machine.nics[0].subnet_cidr == "192.168.122.0/24"


def test_a_filter_is_a_security_group():
    guarded = NIC.replace("</interface>", "<filterref filter='clean-traffic'/></interface>")
    assert [g.name for g in read(a_domain(DISK + guarded)).nics[0].security_groups] == [
        "clean-traffic"
    ]


@pytest.mark.parametrize(
    ("id_", "family"),
    [("http://microsoft.com/win/2k22", "windows"), ("http://debian.org/debian/12", "linux"),
     ("https://rockylinux.org/rocky/9", "linux"), ("http://freebsd.org/freebsd/14", "unknown"),
     ("http://oracle.com/ol/9", "linux"), ("http://oracle.com/solaris/11", "unknown"),
     ("nonsense", "unknown")],
)  # fmt: skip
def test_the_system_s_family_is_told_by_libosinfo(id_, family):
    ns = "http://libosinfo.org/xmlns/libvirt/domain/1.0"
    said = f"<l:libosinfo xmlns:l='{ns}'><l:os id='{id_}'/></l:libosinfo>"
    assert read(a_domain(metadata=SIZES + said)).os_family == family


def test_title_description_and_labels_are_tags_and_our_own_are_not():
    labels = (
        "<l:labels xmlns:l='urn:coldferry:labels'><l:label key='team' value='shop'/>"
        "<l:label key='coldferry:origin' value='x'/></l:labels>"
    )
    machine = read(a_domain(metadata=SIZES + labels, more="<title>Shop</title><description/>"))
    assert [(tag.key, tag.value) for tag in machine.tags] == [("title", "Shop"), ("team", "shop")]


def test_a_folder_of_the_host_is_listed_as_a_file_system():
    share = (
        "<filesystem type='mount'><driver type='virtiofs'/><source dir='/srv'/><target dir='d'/>"
    )
    (found,) = read(a_domain(DISK + share + "</filesystem>")).network_filesystems
    assert (found.id, found.kind, found.mounted) == ("d", "virtiofs", "unknown")


def test_a_host_s_device_is_refused():
    xml = a_domain(DISK + "<hostdev mode='subsystem' type='pci' managed='yes'/>")
    assert refused(xml) == {"host-device": "refuse"}
    assert read(xml).accelerators == "unknown"


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        (a_domain(os=f"<os>{Q35}<kernel>/k</kernel><boot dev='hd'/></os>"), "direct-kernel"),
        (a_domain(os="<os><type arch='x86_64'>exe</type></os>"), "not-hvm"),
        (a_domain(more="<launchSecurity type='sev'/>"), "sealed-memory"),
    ],
)  # fmt: skip
def test_what_is_not_on_its_disks_is_refused(xml, code):
    assert refused(xml)[code] == "refuse"


def test_uefi_variables_and_qemu_s_arguments_are_warned_of():
    ns = "http://libvirt.org/schemas/domain/qemu/1.0"
    more = f"<q:commandline xmlns:q='{ns}'><q:arg value='-x'/></q:commandline>"
    xml = a_domain(os=f"<os firmware='efi'>{Q35}</os>", more=more)
    assert refused(xml) == {"qemu-arguments": "warn", "nvram": "warn"}


def test_no_secret_of_the_document_is_in_the_description():
    secret = "hunter2-6f1d"
    xml = a_domain(
        DISK + NIC + f"<graphics type='vnc' passwd='{secret}'/>",
        more=f"<sysinfo type='smbios'><system><entry name='serial'>{secret}</entry></system>"
        "</sysinfo>",
    )
    said = read(xml).model_dump_json() + str(findings_of(parse(xml)))
    assert secret not in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<!DOCTYPE d [<!ENTITY a 'x'>]>" + a_domain(), "document type"),
        ("<!DOCTYPE d SYSTEM 'file:///etc/passwd'><domain/>", "document type"),
        ("<domain>" + "<a>" * 40 + "</a>" * 40 + "</domain>", "levels deep"),
        ("<domain>" + "<a/>" * 20_000 + "</domain>", "elements"),
        ("<domain>" + " " * MAX_BYTES + "</domain>", "1 MiB"),
        ("<network><name>n</name></network>", "<network>"),
        ("not xml", "cannot be read"),
        ("", "cannot be read"),
        ("<domain><name>x</domain>", "cannot be read"),
        (b"<?xml version='1.0' encoding='klingon'?><domain/>", "encoding|cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        ("<domain><name/></domain>", "no name"),
        (a_domain("<disk><source file='/x'/></disk>"), "no target"),
        (a_domain(disk("vdq")), "how large"),
        (a_domain(disk(inside="<boot order='x'/>")), "no number"),
        (a_domain(vcpu="<vcpu>two</vcpu>"), "no number"),
        (a_domain(vcpu="<vcpu>0</vcpu>"), "no vCPU"),
    ],
    ids=range(17),
)  # fmt: skip
def test_hostile_or_broken_xml_is_refused_in_a_sentence(text, words):
    assert any(word in refusal(text) for word in words.split("|"))


@pytest.mark.parametrize(
    ("changes", "elsewhere"),
    [({}, False), ({0: b"RAW!"}, True), ({4: b"\0\0\0\2"}, False), ({4: b"\0\0\0\4"}, True),
     ({15: b"\1"}, True), ({79: b"\4"}, True), ({79: b"\1"}, False),
     ({4: b"\0\0\0\2", 79: b"\4"}, False)],
)  # fmt: skip
def test_an_image_is_told_to_rest_on_another_file_by_its_header(changes, elsewhere):
    header = bytearray(b"QFI\xfb\0\0\0\3".ljust(HEADER_BYTES, b"\0"))
    for at, data in changes.items():
        header[at : at + len(data)] = data

    assert rests_on_another(bytes(header)) is elsewhere
    assert rests_on_another(bytes(header[:50]))
