"""Many small machines of three shapes, planted at the sandbox's AWS by a stranger."""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.journeys.seeding import LAST_OF_1_GIB, Blocks, Seeded, Seeder, blocks

ACKNOWLEDGE = "acknowledge"
OPTIONS = {"inspect": False, "use_book": False}
TWO_TEAMS = [{"Key": "Team", "Value": "a"}, {"Key": "team", "Value": "b"}]
"""Two tags to which Azure gives one name: a question that nobody answered yet."""

_AT_ONCE = 8
_DEFAULT = "172.31.0.0/20"
"""The one default subnet whose addresses the sandbox's Azure has, too."""

SHAPES = {
    "bios": ("gp3",),
    "uefi": ("gp3", "gp3"),
    "shared": ("gp3",),
    "magnetic": ("gp3", "standard"),
}
"""Each shape's disks. What is ``shared`` stands beside a file system of the network; ``magnetic``
is the second shape with a disk of another kind, which counts against another quota."""


class Grounds:
    """Two networks for them: the default one, and one with a file system."""

    def __init__(self, seeder: Seeder, first: int) -> None:
        """``first`` is the last number of the first private address that is given away."""
        self.seeder, self._next = seeder, first
        held = [{"Name": "cidr-block", "Values": [_DEFAULT]}]
        self.plain = seeder.ec2.describe_subnets(Filters=held)["Subnets"][0]["SubnetId"]
        self._shared: tuple[str, str] | None = None

    @property
    def share(self) -> str:
        """The id of the file system."""
        return self._beside()[1]

    def plant(self, shapes: Mapping[str, str], prefix: str) -> dict[str, Seeded]:
        """One running machine a row, named by it; ``shapes`` has each row's shape."""
        orders = [(name, shape, self._place(shape)) for name, shape in shapes.items()]

        def one(order: tuple[str, str, dict[str, Any]]) -> Seeded:
            name, shape, place = order
            return self._launch(f"{prefix}-{name}", shape, place)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(shapes, pool.map(one, orders), strict=True))

    def _launch(self, name: str, shape: str, place: dict[str, Any]) -> Seeded:
        salt = sum(name.encode()) * 1000
        content = [_content(salt + disk) for disk in range(len(SHAPES[shape]))]
        rows = [
            {
                "DeviceName": device,
                "Ebs": {"SnapshotId": self.seeder.snapshot(held), "VolumeType": kind},
            }
            for device, held, kind in zip(
                ("/dev/xvda", "/dev/sdf"), content, SHAPES[shape], strict=False
            )
        ]
        mode = "legacy-bios" if shape == "bios" else "uefi"
        image = self.seeder.image(content[:1], BootMode=mode, BlockDeviceMappings=rows)
        return self.seeder.launch(image, "m5.large", content, tags={"Name": name}, **place)

    def _place(self, shape: str) -> dict[str, Any]:
        number, self._next = self._next, self._next + 1
        if shape == "shared":
            return {"SubnetId": self._beside()[0], "PrivateIpAddress": f"10.0.1.{number}"}
        return {"SubnetId": self.plain, "PrivateIpAddress": f"172.31.8.{number}"}

    def _beside(self) -> tuple[str, str]:
        if self._shared is None:
            (subnet,) = self.seeder.subnets("10.0.1.0/24")
            efs = self.seeder.sandbox.aws("efs")
            share = efs.create_file_system(CreationToken=f"share of {subnet}")["FileSystemId"]
            efs.create_mount_target(FileSystemId=share, SubnetId=subnet)
            self._shared = subnet, share
        return self._shared


def _content(salt: int) -> Blocks:
    """A megabyte and a half, in three places."""
    return blocks(0, 700, LAST_OF_1_GIB, salt=salt)


def torn(machine: str) -> dict[str, Any]:
    """A fault: from the third write on the machine's disks take nothing any more."""
    refused = {"status": 403, "code": "AuthorizationPermissionMismatch"}
    what = {"operation": "blob:PutPage", "contains": f"{machine}-"}
    return {**what, **refused, "after": 2, "times": 10_000}


def asked(schema: Mapping[str, Any]) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Of each question in a wave's form the rows that ask it, and the paths."""
    found = {}
    for name, field in schema["properties"].items():
        if name.startswith("gap_"):
            told = re.search(r"Asked by (.+?)\. Path: (.+?)\.(\s|$)", field["description"])
            assert told, field["description"]
            rows, paths = (tuple(re.findall(r"`([^`]+)`", part)) for part in told.groups()[:2])
            found[name] = rows, paths
    return found


def halts(ec2: Any, vms: Mapping[str, str]) -> dict[str, str]:
    """When each row's machine was stopped, by EC2's own word; rows that run are not in it."""
    pages = ec2.get_paginator("describe_instances").paginate(InstanceIds=list(vms.values()))
    rows = {vm: row for row, vm in vms.items()}
    found = {}
    for page in pages:
        for reservation in page["Reservations"]:
            for instance in reservation["Instances"]:
                why = re.search(r"\((.+) GMT\)", instance.get("StateTransitionReason", ""))
                if why:
                    found[rows[instance["InstanceId"]]] = why[1]
    return found
