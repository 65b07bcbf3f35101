"""Descriptors with one oddity each: what exporters write, what people write, what attackers do."""

from tests.unit.odd_cases import Odd
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
    content,
    descriptor,
    disk_item,
    dynamic_vhd,
    fixed_vhd,
    memory,
    stream_optimized,
    system,
)

GIB = 1 << 30
CONTENT = content()
IMAGE = stream_optimized(CONTENT)
NOT_SAID = "is none"
_LAUGHS = "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12)
)  # fmt: skip
_VHD = DISK.replace(STREAM, "http://go.microsoft.com/fwlink/?LinkId=137171#vhd")
_RAW = DISK.replace(STREAM, "raw")
_EMPTY = '<Disk ovf:diskId="d2" ovf:capacity="7" ovf:capacityAllocationUnits="byte * 2^30"/>'
_CHOICES = (
    '<DeploymentOptionSection><Info/><Configuration ovf:id="small"/>'
    '<Configuration ovf:id="large" ovf:default="true"/></DeploymentOptionSection>'
)
_BOTH = (
    "<VirtualSystemCollection><VirtualSystemCollection>"
    f"{system(id_='web')}</VirtualSystemCollection>{system(id_='a/b', name='db')}"
    "</VirtualSystemCollection>"
)
_VERSION_2 = descriptor(
    systems=system(
        CPU + memory() + CONTROLLER
        + FIRST.replace("Item>", "StorageItem>").replace("rasd:", "sasd:")
        + NIC.replace("Item>", "EthernetPortItem>").replace("rasd:", "epasd:")
    ),
    space="http://schemas.dmtf.org/ovf/envelope/2",
).replace("<Envelope ", '<Envelope xmlns:sasd="urn:s" xmlns:epasd="urn:e" ')  # fmt: skip
_VIRTUALBOX = (
    '<vbox:Machine xmlns:vbox="http://www.virtualbox.org/ovf/machine" ovf:required="false">'
    '<Hardware><Firmware type="EFI"/></Hardware></vbox:Machine>'
)


def _case(oddity, text, /, *, says="", planned=False, file="disk1.vmdk", image=IMAGE, **fields):
    paths = {path.replace("__", "."): value for path, value in fields.items() if path != "vm"}
    files = {"web.ovf": text, file: image}
    return Odd(oddity, files, "web.ovf", paths, says, planned, vm=fields.get("vm", ""))


def _described(oddity, text, /, **fields):
    return _case(oddity, text, **fields)


def _refused(oddity, text, says, /, **others):
    return _case(oddity, text, says=says, **others)


def _planned(oddity, text, says, /, **others):
    return _case(oddity, text, says=says, planned=True, **others)


def _with(items, **others):
    return descriptor(systems=system(items, **others))


def _sized(quantity, units="byte * 2^20"):
    return _with(CPU + memory(quantity, units) + CONTROLLER + FIRST)


def _kind(number, subtype, instance=4):
    """A controller of another kind."""
    other = CONTROLLER.replace(">3<", f">{instance}<", 1).replace(">6<", f">{number}<")
    return other.replace("lsilogic", subtype)


def _href(href):
    return descriptor(files=FILE.replace("disk1.vmdk", href))


def _system_is(number, words=""):
    section = f'<OperatingSystemSection ovf:id="{number}" {words}><Info/></OperatingSystemSection>'
    return _with(ITEMS, more=section)


HARDWARE = (
    _described("a plain descriptor", descriptor(), vcpus=2, memory_bytes=4 * GIB,
               disks__0__device="scsi0:0", nics__0__mac="02:00:00:aa:bb:01",
               nics__0__subnet_id="VM Network"),
    _described("OVF 2.x with elements of its own for disks and interfaces", _VERSION_2,
               disks__0__device="scsi0:0", nics__0__mac="02:00:00:aa:bb:01"),
    _described("memory in words of old exporters", _sized(4096, "MegaBytes"), memory_bytes=4 * GIB),
    _described("memory without blanks in its unit", _sized(4, "byte*2^30"), memory_bytes=4 * GIB),
    _described("memory in single bytes", _sized(4 * GIB, "byte"), memory_bytes=4 * GIB),
    _described("memory in two factors", _sized(4, "byte * 2^10 * 2^20"), memory_bytes=4 * GIB),
    _refused("memory in no unit", _sized(4096, ""), "no unit of bytes"),
    _refused("memory in a unit that would take an hour to compute",
             _sized(1, "byte * 999999999999^99"), "no unit of bytes"),
    _refused("memory below zero", _sized(-1), "no number"),
    _refused("no memory", _sized(0), "how much memory"),
    _refused("memory beyond all machines", _sized("9" * 19), "no machine has"),
    _described("CPUs in several items",
               _with(CPU + CPU.replace(">1<", ">11<") + memory() + CONTROLLER + FIRST), vcpus=4),
    _refused("no CPU", _with(memory() + CONTROLLER + FIRST), "how much CPUs|how many CPUs"),
    _refused("a billion CPUs", _with(ITEMS.replace(CPU, CPU.replace(">2<", ">1000000000<"))),
             "no machine has"),
    _described("fields in no order",
               _with(ITEMS.replace(CPU, "<Item><rasd:VirtualQuantity>2</rasd:VirtualQuantity>"
                     "<rasd:ResourceType>3</rasd:ResourceType><rasd:InstanceID>1</rasd:InstanceID>"
                     "<rasd:AllocationUnits>hertz * 10^6</rasd:AllocationUnits></Item>")),
               vcpus=2),
    _described("OVF 1.0's spelling of an instance",
               _with(ITEMS.replace("InstanceID", "InstanceId")), disks__0__device="scsi0:0"),
    _described("controllers of every kind",
               _with(CPU + memory() + CONTROLLER + _kind(20, "vmware.nvme.controller")
                     + disk_item(5, 3, "ovf:/disk/d1", 4)), disks__0__device="nvme0:3"),
    _described("an IDE controller",
               _with(CPU + memory() + _kind(5, "PIIX4") + disk_item(5, 1, "/disk/d1", 4)),
               disks__0__device="ide0:1"),
    _described("a disk that hangs on nothing",
               _with(CPU + memory() + FIRST.replace("<rasd:Parent>3</rasd:Parent>", "")),
               disks__0__device="disk0"),
    _described("drives, USB, a screen and sound, which are no disks",
               _with(ITEMS + "".join(disk_item(20 + n, 1, "").replace(">17<", f">{n}<")
                                     for n in (14, 15, 16, 23, 24, 35))),
               disks__0__device="scsi0:0"),
    _described("a disk as a storage volume", _with(ITEMS.replace(">17<", ">31<")),
               disks__0__id="d1"),
    _refused("an item of no type", _with(ITEMS + "<Item><rasd:ResourceType/></Item>"), "type ''"),
    _refused("items without end", _with(ITEMS + NIC * 2000), "hardware items"),
    _refused("two items of one instance", _with(ITEMS + disk_item(5, 1, "ovf:/disk/d1")),
             "InstanceID"),
    _described("a MAC address with hyphens", _with(ITEMS.replace("02:00:00:AA:bb:01",
               "02-00-00-AA-BB-02")), nics__0__mac="02:00:00:aa:bb:02"),
    _described("a MAC address that is none", _with(ITEMS.replace("02:00:00:AA:bb:01", "auto")),
               nics__0__mac="unknown"),
    _described("no interface", _with(CPU + memory() + CONTROLLER + FIRST), vcpus=2),
    _described("VirtualBox's hardware family and firmware",
               descriptor(systems=system(more=_VIRTUALBOX)).replace("vmx-11", "virtualbox-2.2"),
               firmware="uefi", instance_type="virtualbox-2.2"),
    _described("VMware's firmware and Secure Boot",
               _with(ITEMS + '<vmw:Config vmw:key="firmware" vmw:value="efi"/><vmw:Config '
                     'vmw:key="bootOptions.efiSecureBootEnabled" vmw:value="true"/>'),
               firmware="uefi", secure_boot=True),
    _described("Debian by CIM's number", _system_is(96), os_family="linux", architecture="x86_64"),
    _described("RHEL by CIM's number", _system_is(80), os_family="linux", architecture="x86_64"),
    _described("Windows by VMware's word", _system_is(1, 'vmw:osType="windows9_64Guest"'),
               os_family="windows"),
    _described("ARM by VMware's word", _system_is(101, 'vmw:osType="arm-debian12-64Guest"'),
               architecture="arm64"),
    _described("a guest of no number", _system_is("²"), os_family="unknown"),
)  # fmt: skip

DISKS = (
    _described("a size that its unit rounded up",
               descriptor(disks=DISK.replace(f'"{SIZE}"', '"1" ovf:capacityAllocationUnits='
                          '"byte * 2^30"')), disks__0__size_bytes=SIZE),
    _described("a size that is a property, of the default configuration",
               descriptor(disks=DISK.replace(f'"{SIZE}"', '"${size}" ovf:capacityAllocationUnits='
                          '"byte * 2^20"'), more=_CHOICES, systems=system(more=(
                              '<ProductSection><Info/><Property ovf:key="size" ovf:value="1">'
                              '<Value ovf:value="4" ovf:configuration="large"/></Property>'
                              "</ProductSection>"))), disks__0__size_bytes=4 * MIB),
    _refused("a size that is a property without a value",
             descriptor(disks=DISK.replace(f'"{SIZE}"', '"${size}"')), "'size'"),
    _refused("a size below zero", descriptor(disks=DISK.replace(f'"{SIZE}"', '"-512"')), NOT_SAID),
    _refused("a size beyond all disks", descriptor(disks=DISK.replace(f'"{SIZE}"', f'"{1 << 62}"')),
             NOT_SAID),
    _refused("a size that is no whole sectors",
             descriptor(disks=DISK.replace(f'"{SIZE}"', '"1000"')), NOT_SAID),
    _planned("a size that its file belies",
             descriptor(disks=DISK.replace(f'"{SIZE}"', f'"{2 * SIZE}"')), f"{SIZE} bytes where"),
    _planned("a file that is not as long as is said",
             descriptor(files=FILE.replace("<File ", '<File ovf:size="12345" ')), "12345"),
    _described("an empty disk beside one that is not",
               descriptor(disks=DISK + _EMPTY,
                          systems=system(ITEMS + disk_item(6, 1, "ovf:/disk/d2"))),
               disks__1__size_bytes=7 * GIB, disks__1__kind="empty"),
    _described("an empty disk of a tebibyte",
               descriptor(disks=DISK + _EMPTY.replace('"7"', '"1"').replace("2^30", "2^40"),
                          systems=system(ITEMS + disk_item(6, 1, "ovf:/disk/d2"))),
               disks__1__size_bytes=1 << 40),
    _planned("an empty disk of an exbibyte",
             descriptor(disks=DISK + _EMPTY.replace('"7"', '"1"').replace("2^30", "2^60"),
                        systems=system(ITEMS + disk_item(6, 1, "ovf:/disk/d2"))), "62 TiB"),
    _planned("empty disks only",
             descriptor(files="", disks=DISK.replace('ovf:fileRef="f1" ', "")), "template"),
    _planned("no disk", _with(CPU + memory()), "no disk"),
    _refused("a disk that differs from another",
             descriptor(disks=DISK.replace("<Disk ", '<Disk ovf:parentRef="d0" ')), "parentRef"),
    _refused("a disk that is not described", _with(ITEMS.replace("disk/d1", "disk/d7")),
             "does not describe"),
    _refused("a disk whose file is not referred to",
             descriptor(disks=DISK.replace('"f1"', '"f2"')), "not among its references"),
    _refused("a disk that is a file", _with(ITEMS.replace("disk/d1", "file/f1")), "no disk of it"),
    _refused("a disk that is attached twice", _with(ITEMS + disk_item(6, 1, "ovf:/disk/d1")),
             "twice"),
    _refused("two disks of one id", descriptor(disks=DISK + DISK), "two disks"),
    _refused("two files of one id", descriptor(files=FILE + FILE), "two files"),
    _described("a place without its scheme", _with(ITEMS.replace("ovf:/disk", "/disk")),
               disks__0__id="d1"),
    _described("a fixed VHD", descriptor(disks=_VHD), image=fixed_vhd(CONTENT),
               disks__0__size_bytes=SIZE),
    _described("a dynamic VHD whose size its unit rounded up",
               descriptor(disks=_VHD.replace(f'"{SIZE}"', '"1" ovf:capacityAllocationUnits="GB"')),
               image=dynamic_vhd(CONTENT), disks__0__size_bytes=SIZE),
    _described("raw bytes", descriptor(disks=_RAW), image=CONTENT, disks__0__size_bytes=SIZE),
    _planned("a format that is not read", descriptor(disks=DISK.replace(STREAM, "x/#vhdx")),
             "VHDX"),
    _planned("a VMDK of other files", descriptor(),
             "descriptor of other files", image=b'# Disk DescriptorFile\ncreateType="vmfs"'),
    _planned("a VMDK that differs from another", descriptor(), "differs from another",
             image=stream_optimized(CONTENT, parent="1234abcd")),
    _planned("a VMDK whose lines would take hours to match", descriptor(), "'x'",
             image=stream_optimized(CONTENT, words=b"\n" * 900_000 + b'createType="x"')),
    _planned("a VMDK that is cut off", descriptor(), "cut off", image=IMAGE[: len(IMAGE) // 2]),
    _described("an address with a blank", _href("my disk.vmdk"), file="my disk.vmdk",
               name="web-01"),
    _described("an address that is escaped", _href("my%20disk.vmdk"), file="my disk.vmdk",
               name="web-01"),
    _described("an address that is not ASCII", _href("bürö-盘.vmdk"), file="bürö-盘.vmdk",
               name="web-01"),
    _described("an address from here", _href("./disk1.vmdk"), name="web-01"),
    _planned("an address that goes up", _href("../disk1.vmdk"), "leads out"),
    _planned("an address that goes up, escaped", _href("%2e%2e/disk1.vmdk"), "leads out"),
    _planned("an address from the root", _href("/etc/passwd"), "leads out"),
    _planned("an address of Windows", _href("..\\disk1.vmdk"), "leads out"),
    _planned("an address elsewhere", _href("http://127.0.0.1:1/x.vmdk"), "nothing is fetched"),
    _planned("an address of what Coldferry keeps", _href(".coldferry/m-a1/disk0.raw"),
             "leads out"),
    _planned("an address of nothing", _href("gone.vmdk"), "no such file"),
)  # fmt: skip

DOCUMENTS = (
    _described("configurations with a default",
               descriptor(systems=system(
                   CPU + memory(2048, attributes='ovf:configuration="small"') + memory(1024)
                   + memory(8192, attributes='ovf:configuration="large huge"') + CONTROLLER
                   + FIRST), more=_CHOICES), memory_bytes=8 * GIB, instance_type="large"),
    _described("bounds without a value between them",
               _with(CPU + memory(1024, attributes='ovf:bound="min"')
                     + memory(8192, attributes='ovf:bound="max"') + CONTROLLER + FIRST),
               memory_bytes=8 * GIB),
    _refused("several systems in collections", descriptor(systems=_BOTH), "Which machine"),
    _described("one of several systems", descriptor(systems=_BOTH), vm="web.ovf#a%2Fb", name="db"),
    _refused("several systems of one id", descriptor(systems=system() * 2), "one id"),
    _refused("a system without hardware",
             descriptor(systems='<VirtualSystem ovf:id="x"><Info/></VirtualSystem>'), "hardware"),
    _refused("no system", descriptor(systems=""), "no virtual system"),
    _refused("collections in collections",
             descriptor(systems="<VirtualSystemCollection>" * 12
                        + "</VirtualSystemCollection>" * 12), "deep"),
    _refused("OVF 0.9 by its namespace",
             '<Envelope xmlns="http://www.vmware.com/schema/ovf/1/envelope"/>', "OVF 0.9"),
    _refused("OVF 0.9 by its sections",
             '<Envelope xmlns="urn:x"><Section/><Content/></Envelope>', "OVF 0.9"),
    _refused("encrypted files", descriptor(more="<EncryptionSection/>"), "encrypted"),
    _described("a name that is not ASCII",
               descriptor(systems=system(name="Büro-サーバー &lt;1&gt;")),
               name="Büro-サーバー <1>"),
    _described("a name in another language's section",
               descriptor(systems=system().replace("<Name>", '<Name ovf:msgid="n">'),
                          more='<Strings xml:lang="de"><Msg ovf:msgid="n">x</Msg></Strings>'),
               name="web-01"),
    _described("no name", descriptor(systems=system(name="", id_="vm-7")), name="vm-7"),
    _described("a licence, properties, and a section that nobody knows",
               _with(ITEMS, more="<EulaSection><Info/><License>Pay.</License></EulaSection><Odd/>"
                     '<ProductSection><Info/><Property ovf:key="ip"/></ProductSection>'),
               name="web-01"),
    _described("a section of ours that is no description",
               _with(ITEMS, more='<c:Machine xmlns:c="urn:coldferry:1">{</c:Machine>'),
               hostname="unknown"),
    _described("another encoding", descriptor(systems=system(name="büro")).replace(
               "UTF-8", "UTF-16").encode("utf-16"), name="büro"),
    _described("an encoding of Western Europe", descriptor(systems=system(name="büro")).replace(
               "UTF-8", "ISO-8859-1").encode("latin-1"), name="büro"),
    _described("a mark of the byte order", b"\xef\xbb\xbf" + descriptor().encode(), name="web-01"),
    _refused("an encoding that nobody knows", descriptor().replace("UTF-8", "klingon"),
             "not well-formed"),
    _refused("a web page", "<html><body>404</body></html>", "root is 'html'"),
    _refused("a document that is cut off", descriptor()[:900], "not well-formed"),
    _refused("an empty document", "", "not well-formed"),
    _refused("a billion laughs", descriptor(systems=system(name="&m;")).replace(
             "?>\n", f'?><!DOCTYPE x [<!ENTITY a "ha">{_LAUGHS}]>', 1), "document type"),
    _refused("an entity of another file", descriptor(systems=system(name="&a;")).replace(
             "?>\n", '?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>', 1),
             "document type"),
    _refused("a document of megabytes", " " * (3 * MIB), "2 MiB"),
    _refused("a name in a hundred thousand elements",
             descriptor(systems=system(name="<b>" * 100_000 + "deep" + "</b>" * 100_000)),
             "levels"),
    _refused("half a million elements of nothing", _with(ITEMS, more="<AnnotationSection>"
             + "<a/>" * 480_000 + "</AnnotationSection>"), "50000 elements"),
)  # fmt: skip

PACKAGES = (*HARDWARE, *DISKS, *DOCUMENTS)
