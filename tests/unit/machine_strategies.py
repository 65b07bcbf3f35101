"""Machines as nobody would think of them: every leaf, unknowns, strange text, many parts."""

from typing import Any

from hypothesis import strategies as st

from coldferry.machine import (
    Disk,
    Dns,
    EphemeralDisk,
    Licence,
    Machine,
    NetworkFilesystem,
    Nic,
    Origin,
    Relation,
    RootImage,
    SecurityGroup,
    Tag,
    UserData,
)

GIB = 1 << 30
MIB = 1 << 20
UNKNOWN = "unknown"

STRANGE = (
    "", " ", "x" * 700, "**x** <script>alert(1)</script>", "\u202egpj.exe", "Größe 🚢", "a|b\nc",
    "\x00\x07", "-", "12345", "acknowledge", "drop", "automatic", "\ufffe", "../../etc", "%s{0}",
)  # fmt: skip

words = st.one_of(
    st.sampled_from(STRANGE), st.sampled_from(("web-01", "WEB-01", "Web 01 (prod)", "db")),
    st.text(max_size=12),
)  # fmt: skip
"""Text from strangers: also what looks like an answer, and what no API can carry."""

flags: Any = st.sampled_from((True, False, UNKNOWN))


def _some(strategy: Any, most: int) -> Any:
    return st.lists(strategy, max_size=most).map(tuple)


def _of(*values: Any) -> Any:
    return st.sampled_from(values)


_origins = st.builds(Origin, provider=_of("aws", "azure", "memory", "ovf"), scope=words, id=words)
_lists = _of((), ("10.0.0.2", "10.0.0.3"), ("corp.example",), ("169.254.169.253",),
             ("AmazonProvidedDNS",), ("AzureProvidedDNS", "10.0.0.2"), ("168.63.129.16",),
             ("fe80::1",), ("\u202e", ""), UNKNOWN)  # fmt: skip
_dns = st.builds(Dns, servers=_lists, search_domains=_lists, time_servers=_lists)
_groups = st.builds(SecurityGroup, id=words, name=words, rules=_some(words, 2))
_public = _of((None, None), ("198.51.100.7", "automatic"), ("198.51.100.8", "reserved"))
_addresses = _of(None, "10.0.1.20", "10.0.1.3", "10.0.1.255", "10.0.1.50", "10.0.1.60",
                 "10.9.0.9", "10.0.9.9", "192.168.7.7", "fd00::7", "no address")  # fmt: skip
_disks = st.builds(
    Disk,
    id=words,
    device=st.one_of(_of("/dev/sda1", "/dev/xvda", "xvdf", "/dev/sdf", "os", "lun3"), words),
    root=st.just(False),  # the first one may become it
    size_bytes=_of(1, 512, MIB, 20 * MIB, 8 * GIB, 8 * GIB + 1, 127 * GIB, 2049 * GIB, 4095 * GIB,
                   5000 * GIB, 20000 * GIB, 40000 * GIB, 65536 * GIB, 65537 * GIB),
    kind=_of("gp2", "gp3", "io1", "io2", "st1", "sc1", "standard", "Premium_LRS", "UltraSSD_LRS",
             "StandardSSD_LRS", "Standard_LRS", "PremiumV2_LRS", "fast", UNKNOWN, ""),
    medium=_of("hdd", "ssd", "steady ssd", UNKNOWN),
    iops=_of(None, UNKNOWN, 0, 100, 500, 3000, 5000, 80_001, 400_000),
    throughput_bytes_s=_of(None, UNKNOWN, 0, 25 * MIB, 60_000_000, 125 * MIB, 750_000_000,
                           4001 * MIB),
    encrypted=flags,
    key_id=_of(None, None, "arn:key/1"),
    shared=_of(False, False, False, True),
    deleted_with_machine=flags,
)  # fmt: skip


@st.composite
def _nics(draw: Any) -> tuple[Nic, ...]:
    parts = draw(
        st.lists(
            st.tuples(_addresses, _public, flags, _some(_groups, 2), words, _of("static", UNKNOWN,
                      "automatic"), _of((), ("10.0.1.21", "fd00::8"))), max_size=4
        )
    )  # fmt: skip
    return tuple(
        Nic(
            id=text,
            device_index=index,
            primary=index == 0,
            mac=UNKNOWN if forwards == UNKNOWN else "02:00:00:00:00:01",
            network_id="/nets/main" if text == "db" else text or UNKNOWN,
            subnet_id=text,
            subnet_cidr="10.0.1.0/24" if text else UNKNOWN,
            private_address=address,
            more_private_addresses=more,
            address_assignment=assignment,
            public_address=public,
            public_address_kind=kind,
            forwards_packets=forwards,
            security_groups=groups,
        )
        for index, (address, (public, kind), forwards, groups, text, assignment, more) in enumerate(
            parts
        )
    )


_tag_keys = st.one_of(
    _of("team", "TEAM", "Team", "team-2", "Name", "name", "aws:x", "Aws:x", "azure-x", "a/b", "a-b",
        "coldferry:origin", "k" * 128, "K" * 128, "k" * 600, "K" * 600, "k" * 130),
    words,
)  # fmt: skip
_kinds = _of("load balancer", "scaling group", "alarm", "dns record", "other")
_few_tags = _some(st.builds(Tag, key=_tag_keys, value=words), 8)
_many_tags = st.integers(44, 60).map(
    lambda count: tuple(Tag(key=f"key{n}", value="v") for n in range(count))
)
_many_disks = st.integers(30, 120).flatmap(lambda count: _disks.map(lambda one: (one,) * count))


def _seldom(usual: Any, rare: Any, sides: int = 10) -> Any:
    return st.integers(1, sides).flatmap(lambda dice: rare if dice == sides else usual)


@st.composite
def machines(draw: Any) -> Machine:
    """A machine in which every leaf of the schema can be anything that the schema allows."""
    disks = draw(_seldom(_some(_disks, 4), _many_disks, 25))
    root = draw(st.integers(0, 4)) and bool(disks)
    if root:
        disks = (disks[0].model_copy(update={"root": True}), *disks[1:])
    return Machine(
        origin=draw(_origins),
        name=draw(words),
        hostname=draw(words),
        instance_type=draw(_of("m5.large", "Standard_D2s_v5", "t3.small", "g5.xlarge", "")),
        vcpus=draw(_of(1, 2, 3, 4, 8, 96)),
        memory_bytes=draw(_of(1, GIB, 4 * GIB, 8 * GIB, 8 * GIB + 1, 16 * GIB, 400 * GIB)),
        accelerators=draw(_of(0, 0, 0, 1, 8, UNKNOWN)),
        burstable=draw(flags),
        bare_metal=draw(_of(False, False, True, UNKNOWN)),
        architecture=draw(_of("x86_64", "x86_64", "arm64", UNKNOWN)),
        firmware=draw(_of("bios", "uefi", UNKNOWN)),
        secure_boot=draw(flags),
        tpm=draw(_of(None, "2.0", UNKNOWN)),
        os_family=draw(_of("linux", "windows", UNKNOWN)),
        zone=draw(_of("a", "1", "westeurope", UNKNOWN)),
        tenancy=draw(_of("default", "dedicated", "host", UNKNOWN)),
        stoppable=draw(flags),
        dns=draw(_dns),
        nics=draw(_nics()),
        disks=disks,
        ephemeral_disks=draw(
            _some(st.builds(EphemeralDisk, device=words, size_bytes=_of(GIB, UNKNOWN)), 2)
        ),
        root_image=None if root else draw(
            st.none() | st.builds(RootImage, image=_of("ami-1", UNKNOWN))
        ),
        network_filesystems=draw(
            _some(
                st.builds(NetworkFilesystem, id=words, kind=words, address=words, mounted=flags), 2
            )
        ),
        tags=draw(_seldom(_few_tags, _many_tags)),
        user_data=draw(
            st.none() | st.builds(UserData, sha256=st.just("0" * 64), size_bytes=_of(0, 12))
        ),
        key_names=draw(_of((), ("ops",), ("ops", "\u202e"))),
        profile=draw(_of(None, "web-role")),
        relations=draw(
            _some(st.builds(Relation, kind=_kinds, id=words, detail=words), 3)
        ),
        licence=draw(
            st.builds(
                Licence,
                platform=_of("Linux/UNIX", "Windows", "Red Hat Enterprise Linux", UNKNOWN),
                product_codes=_of((), ("abc",)),
            )
        ),
    )  # fmt: skip
