"""Domains' XML with one oddity each: what libvirt writes, what people write, what attackers do."""

from tests.unit.domains import DISK, NIC, a_domain, disk
from tests.unit.odd_cases import Odd

GIB = 1 << 30
_Q35 = "<type arch='x86_64' machine='pc-q35-8.2'>hvm</type>"
_QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"
_OSINFO = "http://libosinfo.org/xmlns/libvirt/domain/1.0"
_LAUGHS = "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(12)
)  # fmt: skip
_SLICE = "<source file='/images/vda.raw'><slices><slice type='storage' offset='0' size='9'/>"
_LEASED = """<interface type='hostdev' managed='yes'><mac address='52:54:00:00:00:09'/>
<source><address type='pci' domain='0x0000' bus='0x07' slot='0x10' function='0x2'/></source>
</interface>"""
_LIVE = (
    a_domain(
        "<emulator>/usr/bin/qemu-system-x86_64</emulator>"
        + DISK.replace("<target", "<backingStore/><target").replace(
            "bus='virtio'/>", "bus='virtio'/><alias name='virtio-disk0'/>"
        )
        + NIC.replace("<model", "<target dev='vnet3'/><alias name='net0'/><model"),
        more="<resource><partition>/machine</partition></resource><seclabel type='dynamic'/>",
    )
    .replace("<domain type='kvm'>", "<domain type='kvm' id='7'>")
    .replace("<source network", "<source portid='0e' bridge='virbr0' network")
)


def _case(oddity, text, /, *, says="", planned=False, **fields):
    """``fields`` with ``__`` where a path has a point."""
    paths = {path.replace("__", "."): value for path, value in fields.items()}
    return Odd(oddity, {"web.xml": text}, "web.xml", paths, says, planned)


def _described(oddity, text, /, **fields):
    return _case(oddity, text, **fields)


def _refused(oddity, text, says):
    return _case(oddity, text, says=says)


def _planned(oddity, text, says):
    """Described, and refused once it is to be moved."""
    return _case(oddity, text, says=says, planned=True)


DOMAINS = (
    _described("a plain domain", a_domain(), name="web-01", vcpus=2, memory_bytes=4 * GIB),
    _described("memory in another unit than KiB",
               a_domain(memory="<memory unit='GB'>4</memory>"), memory_bytes=4 * 10**9),
    _described("memory without a unit", a_domain(memory="<memory>2048</memory>"),
               memory_bytes=2 << 20),
    _described("a balloon that holds some of the memory back",
               a_domain(more="<currentMemory unit='KiB'>1024</currentMemory>"),
               memory_bytes=4 * GIB),
    _described("memory that could be plugged in",
               a_domain(more="<maxMemory slots='16' unit='GiB'>64</maxMemory>"),
               memory_bytes=4 * GIB),
    _refused("memory in no unit", a_domain(memory="<memory unit='parsec'>1</memory>"), "no unit"),
    _refused("memory below zero", a_domain(memory="<memory>-1</memory>"), "no number"),
    _refused("memory of more digits than there are",
             a_domain(memory=f"<memory>{'9' * 5000}</memory>"), "no number"),
    _described("CPUs that could be plugged in", a_domain(vcpu="<vcpu current='2'>8</vcpu>"),
               vcpus=2),
    _described("CPUs that are pinned",
               a_domain(vcpu="<vcpu placement='static' cpuset='0-3'>3</vcpu>",
                        more="<cputune><vcpupin vcpu='0' cpuset='1'/></cputune>"), vcpus=3),
    _described("no CPUs named", a_domain(vcpu=""), vcpus=1),
    _refused("no CPU at all", a_domain(vcpu="<vcpu>0</vcpu>"), "no vCPU"),
    _described("a canonical machine type of one host", a_domain(), instance_type="pc/2x4096"),
    _described("a machine type of a distribution",
               a_domain(os=f"<os>{_Q35.replace('8.2', 'rhel9.2.0')}</os>"),
               instance_type="q35/2x4096"),
    _described("the host's CPU, passed through", a_domain(more="<cpu mode='host-passthrough'/>"),
               architecture="x86_64"),
    _planned("another architecture", a_domain(os="<os><type arch='s390x'>hvm</type></os>"),
             "CPUs of s390x"),
    _described("firmware that libvirt chooses", a_domain(os=f"<os firmware='efi'>{_Q35}</os>"),
               firmware="uefi", secure_boot="unknown"),
    _described("firmware by its loader and its variables",
               a_domain(os=f"<os>{_Q35}<loader readonly='yes' type='pflash'>/f/C.fd</loader>"
                        "<nvram>/f/web.fd</nvram></os>"), firmware="uefi", secure_boot=False),
    _described("Secure Boot by its loader",
               a_domain(os=f"<os>{_Q35}<loader secure='yes' type='pflash'>/C.fd</loader></os>"),
               secure_boot=True),
    _described("firmware that nobody names, of ARM",
               a_domain(os="<os><type arch='aarch64' machine='virt-8.2'>hvm</type></os>"),
               firmware="unknown", architecture="arm64"),
    _planned("a kernel beside the disks",
             a_domain(os=f"<os>{_Q35}<kernel>/k</kernel><boot dev='hd'/></os>"), "boots a kernel"),
    _planned("a container", a_domain(os="<os><type arch='x86_64'>exe</type></os>"),
             "no fully virtualised"),
    _described("emulated, without KVM", a_domain().replace("type='kvm'", "type='qemu'"), vcpus=2),
    _described("the XML of a running domain", _LIVE, disks__0__device="vda (virtio)",
               nics__0__subnet_id="default"),
    _described("a disk that is a block device",
               a_domain(disk(kind="block", source="dev='/dev/vg/web'")),
               disks__0__id="/dev/vg/web", disks__0__kind="raw block"),
    _described("a disk that is a volume of a pool",
               a_domain(disk(kind="volume", source="pool='main' volume='w'",
                             driver="type='qcow2'")),
               disks__0__id="main/w", disks__0__kind="qcow2 volume"),
    _described("a disk on the network, with TLS",
               a_domain(disk(kind="network", source="protocol='nbd' name='x' tls='yes'")),
               disks__0__id="nbd:x"),
    _planned("a disk whose format nobody names", a_domain(disk(driver="")), "not named"),
    _planned("a disk in a format that is not read", a_domain(disk(driver="type='vmdk'")), "vmdk"),
    _planned("a disk that rests on another",
             a_domain(disk(driver="type='qcow2'", inside="<backingStore type='file'><format "
                           "type='raw'/><source file='/base'/></backingStore>")), "rests on"),
    _described("an empty backing store", a_domain(disk(inside="<backingStore/>")),
               disks__0__size_bytes=8 * GIB),
    _planned("a disk that others share", a_domain(disk(inside="<shareable/>")), "is shared"),
    _planned("a disk that libvirt encrypts",
             a_domain(disk(inside="<encryption format='luks'/>")), "is encrypted"),
    _planned("an NVMe controller of the host", a_domain(disk(kind="nvme", source="type='pci'")),
             "of type nvme"),
    _planned("a whole SCSI device",
             a_domain(disk(kind="block", device="lun", source="dev='/dev/sdz'")), "of type lun"),
    _described("a disk with a serial number and a WWN",
               a_domain(disk(inside="<serial>abc</serial><wwn>5000c50015ea71ac</wwn>")),
               disks__0__device="vda (virtio)"),
    _described("CD-ROMs, floppies and an empty drive",
               a_domain("<disk device='cdrom'><target dev='sdc' bus='sata'/></disk>"
                        + disk("sdb", device="cdrom") + disk("fda", device="floppy") + DISK),
               disks__0__device="vda (virtio)"),
    _described("a boot order that is not the document's",
               a_domain(disk("vda", "<boot order='2'/>") + disk("vdb", "<boot order='1'/>"),
                        os=f"<os>{_Q35}</os>"),
               disks__0__device="vdb (virtio)", disks__0__root=True),
    _planned("a machine that boots from the network",
             a_domain(os=f"<os>{_Q35}<boot dev='network'/></os>"), "boots from none"),
    _planned("no disk", a_domain(NIC), "no disk"),
    _described("a root that forgets what is written", a_domain(disk(inside="<transient/>")),
               root_image__image="/images/vda.raw"),
    _described("a disk that is throttled",
               a_domain(disk(inside="<iotune><total_iops_sec>500</total_iops_sec></iotune>")),
               disks__0__iops=500),
    _refused("a disk without a target", a_domain("<disk><source file='/x'/></disk>"), "no target"),
    _refused("two disks of one target", a_domain(DISK + disk("vda", source="file='/b.raw'")),
             "two disks"),
    _refused("a disk of unknown size", a_domain(disk("vdq")), "how large"),
    _refused("a disk of no size",
             a_domain(metadata="<c:disks xmlns:c='urn:coldferry:sizes'><c:disk target='vda' "
                      "bytes='0'/></c:disks>"), "how large"),
    _refused("a disk that is larger than any",
             a_domain(metadata="<c:disks xmlns:c='urn:coldferry:sizes'><c:disk target='vda' "
                      f"bytes='{'9' * 20}'/></c:disks>"), "how large"),
    _described("a part of a file as a disk",
               a_domain(disk().replace("<source file='/images/vda.raw'/>",
                                       f"{_SLICE}</slices></source>")),
               disks__0__id="/images/vda.raw"),
    _described("an interface on a bridge",
               a_domain(DISK + "<interface type='bridge'><source bridge='br0'/></interface>"),
               nics__0__subnet_id="bridge:br0", nics__0__mac="unknown"),
    _described("an interface of the user's own",
               a_domain(DISK + "<interface type='user'/>"), nics__0__subnet_id="user"),
    _planned("an interface that is a device of the host", a_domain(DISK + _LEASED),
             "a device of its host"),
    _planned("a PCI device of the host",
             a_domain(DISK + "<hostdev mode='subsystem' type='pci' managed='yes'/>"),
             "a device of its host"),
    _described("a TPM without a version",
               a_domain(DISK + "<tpm model='tpm-crb'><backend type='emulator'/></tpm>"),
               tpm="unknown"),
    _planned("the host's own TPM",
             a_domain(DISK + "<tpm model='tpm-tis'><backend type='passthrough'/></tpm>"),
             "its host's own TPM"),
    _described("consoles, controllers and a balloon",
               a_domain(DISK + "<controller type='pci' model='pcie-root'/><serial type='file'>"
                        "<source path='/log'/></serial><console type='pty'/>"
                        "<memballoon model='virtio'/>"), disks__0__device="vda (virtio)"),
    _planned("memory that is sealed", a_domain(more="<launchSecurity type='sev'/>"), "is sealed"),
    _described("arguments for QEMU",
               a_domain(more=f"<q:commandline xmlns:q='{_QEMU}'><q:arg value='-x'/>"
                        "</q:commandline>"), name="web-01"),
    _described("a folder of the host",
               a_domain(DISK + "<filesystem type='mount'><driver type='virtiofs'/>"
                        "<source dir='/srv'/><target dir='d'/></filesystem>"),
               network_filesystems__0__id="d"),
    _described("what libosinfo says of the guest",
               a_domain(metadata=a_domain().partition("<metadata>")[2].partition("</metadata>")[0]
                        + f"<l:libosinfo xmlns:l='{_OSINFO}'><l:os "
                        "id='http://microsoft.com/win/2k22'/></l:libosinfo>"),
               os_family="windows"),
    _described("a name that is not ASCII", a_domain(name="Büro-サーバー &lt;1&gt;"),
               name="Büro-サーバー <1>"),
    _described("another encoding",
               "<?xml version='1.0' encoding='UTF-16'?>".encode("utf-16")
               + a_domain(name="büro").encode("utf-16")[2:], name="büro"),
    _refused("an encoding that nobody knows",
             b"<?xml version='1.0' encoding='klingon'?><domain/>", "encoding"),
    _refused("a password where none is looked at, in a document that is cut off",
             a_domain(DISK + "<graphics type='vnc' passwd='hunter2'/>")[:-20], "cannot be read"),
    _refused("two documents in one file", a_domain() * 2, "cannot be read"),
    _refused("what virsh said beside it", "warning: old\n" + a_domain(), "cannot be read"),
    _refused("another document of libvirt", "<network><name>n</name></network>", "<network>"),
    _refused("a machine without a name", "<domain><name/></domain>", "no name"),
    _refused("a billion laughs",
             f"<!DOCTYPE d [<!ENTITY a 'ha'>{_LAUGHS}]>" + a_domain(name="&m;"), "document type"),
    _refused("an entity of another file",
             "<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + a_domain(name="&a;"),
             "document type"),
    _refused("elements forty levels deep",
             "<domain>" + "<a>" * 40 + "</a>" * 40 + "</domain>", "levels deep"),
    _refused("elements without end", "<domain>" + "<a/>" * 20_000 + "</domain>", "elements"),
    _refused("a document of megabytes", "<domain>" + " " * (2 << 20) + "</domain>", "1 MiB"),
)  # fmt: skip
