"""A machine on its way from the AWS double to the Azure double, in this process or another's."""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from coldferry.translation import ACKNOWLEDGE, Verdict
from providers.aws.access import AwsAccess
from providers.azure.access import AzureAccess
from providers.registry import Access, connect_source, connect_target
from tests.conformance.azure_rig import GROUP, LOCATION, SUBSCRIPTION, Azure
from tests.unit.aws_world import KEY_ID, REGION, SECRET, Sandbox

BLOCK = 512 * 1024
MIB = 1 << 20
SIZE_BYTES = 1 << 30
SUBNET = "vnet-main/apps"
COLDFERRY = Path(sys.executable).with_name("coldferry")


def dense(blocks: int, seed: int = 0, grains: int = 8) -> dict[int, bytes]:
    """So many blocks of 512 KiB, none beside another, of which ``grains`` of 8 are not zero."""
    dice = random.Random(seed)
    held = grains * BLOCK // 8
    return {2 * i: dice.randbytes(held) + bytes(BLOCK - held) for i in range(blocks)}


@dataclass
class Moved:
    """A seeded machine: its id, its volumes' blocks in the guest's order, and its answers."""

    vm: str
    disks: list[Mapping[int, bytes]]
    answers: dict[str, Any] = field(default_factory=dict)

    @property
    def data_bytes(self) -> int:
        return sum(len(block) for disk in self.disks for block in disk.values())


class Crossing:
    """Both doubles, and everything that tests of a whole migration ask of them."""

    def __init__(self, aws: Sandbox, azure: Azure) -> None:
        self.aws, self.azure = aws, azure
        self.source = Access(
            provider="aws",
            aws=AwsAccess(
                region=REGION,
                access_key_id=KEY_ID,
                secret_access_key=SecretStr(SECRET),
                endpoint_url=aws.server.endpoint_url,
            ),
        )
        self.target = Access(
            provider="azure",
            azure=AzureAccess(
                subscription_id=SUBSCRIPTION,
                resource_group=GROUP,
                location=LOCATION,
                endpoint=azure.server.endpoint,
                token=SecretStr(azure.server.token),
                ca_bundle=str(azure.server.ca_bundle),
            ),
        )

    @contextmanager
    def in_order(self) -> Iterator["Crossing"]:
        """With saved blocks, no faults and nothing at the target; and so it is left."""
        self.save_blocks()
        self.reset()
        try:
            yield self
        finally:
            self.reset()
            self.discard()

    def save_blocks(self) -> None:
        """As ``coldferry-cloud/crossing-aws`` and ``-azure``, at the Prefect API in use."""
        from tasks.clouds import Cloud

        for access in (self.source, self.target):
            block = Cloud(provider=access.provider, aws=access.aws, azure=access.azure)
            block.save(f"crossing-{access.provider}", overwrite=True)

    def seed(self, *disks: Mapping[int, bytes], **fields: Any) -> Moved:
        """A running machine with these disks of 1 GiB, root first, and answers for all gaps."""
        name = f"m{random.randrange(1 << 40):x}"
        image = self.aws.image(disks[0], name)
        mapping = [
            {
                "DeviceName": f"/dev/sd{'fghij'[i]}",
                "Ebs": {"SnapshotId": self.aws.snapshot(disk), "VolumeType": "gp3"},
            }
            for i, disk in enumerate(disks[1:])
        ]
        vm = self.aws.launch(
            tags={"Name": name}, ImageId=image, BlockDeviceMappings=mapping, **fields
        )
        return Moved(vm, list(disks), self._answers(vm))

    def migrate(self, moved: Moved, *, inspect: bool = False) -> dict[str, Any]:
        """In this process; raises what the flow raises.

        Without the looks into the disks, unless asked for: they read and freeze, too, and
        what a test does to the copy would meet them first.
        """
        from flows.migrate_vm import migrate_vm
        from tasks.clouds import load

        origin, goal = (load(f"coldferry-cloud/crossing-{one}") for one in ("aws", "azure"))
        report: Any = asyncio.run(
            migrate_vm(origin, moved.vm, goal, answers=moved.answers, inspect=inspect)
        )
        return dict(report)

    def begin(
        self, moved: Moved, folder: Path, *, inspect: bool = False, **environment: str
    ) -> "subprocess.Popen[str]":
        """The same by the command line, in a process of its own."""
        answers = folder / "answers.yaml"
        answers.write_text(yaml.safe_dump(moved.answers))
        return self.command(
            "migrate", "coldferry-cloud/crossing-aws", moved.vm, "coldferry-cloud/crossing-azure",
            "--answers", str(answers), "--json",
            "--inspect" if inspect else "--no-inspect", **environment,
        )  # fmt: skip

    def command(self, *words: str, **environment: str) -> "subprocess.Popen[str]":
        """Any command."""
        return subprocess.Popen(
            [COLDFERRY, *words],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def fault(self, operation: str, **fields: Any) -> None:
        """Ask the cloud that knows the operation for it."""
        faults = (self.aws if operation.startswith(("ec2:", "ebs:")) else self.azure).server.faults
        faults.add([{"operation": operation, **fields}])

    def calls(self, operation: str) -> int:
        return self._counts(operation).get("calls", 0)

    def received(self, operation: str) -> int:
        """Bytes of bodies."""
        return self._counts(operation).get("body_bytes", 0)

    def reset(self) -> None:
        """No faults, and counts from zero."""
        for server in (self.aws.server, self.azure.server):
            server.faults.clear()
            server.faults.reset_counts()

    def found(self) -> dict[str, list[str]]:
        """Names of all that is in the resource group, and of our snapshots at the source."""
        compute, network = self.azure.compute, self.azure.network
        snapshots = self.aws.ec2.describe_snapshots(
            Filters=[{"Name": "tag-key", "Values": ["coldferry:migration"]}]
        )["Snapshots"]
        listed = {
            "machines": compute.virtual_machines.list(GROUP),
            "disks": compute.disks.list_by_resource_group(GROUP),
            "interfaces": network.network_interfaces.list(GROUP),
            "groups": network.network_security_groups.list(GROUP),
        }
        names = {kind: sorted(str(one.name) for one in ones) for kind, ones in listed.items()}
        return names | {"snapshots": sorted(row["VolumeId"] for row in snapshots)}

    def differing(self, moved: Moved, report: Mapping[str, Any]) -> list[str]:
        """Target disks that are not, byte for byte, what was seeded; read by the plain SDK."""
        wrong = []
        for blocks, device in zip(moved.disks, report["devices"], strict=True):
            name = device["target"].rpartition("/")[2]
            with self.azure.blob(self.azure.grant(name, "Read")) as blob:
                for page in blob.list_page_ranges(offset=0, length=SIZE_BYTES):
                    start, length = (
                        int(page.start or 0),
                        int(page.end or 0) + 1 - int(page.start or 0),
                    )
                    data = blob.download_blob(offset=start, length=length).readall()
                    if data != _expected(blocks, start, length):
                        wrong.append(name)
                for index, block in blocks.items():
                    data = blob.download_blob(offset=index * BLOCK, length=BLOCK).readall()
                    if data != block:
                        wrong.append(name)
            self.azure.revoke(name)
        return sorted(set(wrong))

    def forget_faults(self) -> None:
        """Counts go on; calls that are late are served."""
        for server in (self.aws.server, self.azure.server):
            server.faults.clear()

    def discard(self) -> None:
        """Leave nothing of any migration at either cloud."""
        target, source = connect_target(self.target), connect_source(self.source)
        for migration in {owned.migration for owned in target.owned()}:
            target.discard(migration)
        for migration in {owned.migration for owned in source.owned()}:
            source.release(migration)

    def _answers(self, vm: str) -> dict[str, Any]:
        target = connect_target(self.target)
        machine = connect_source(self.source).describe(vm)
        answers = {f"nics[{i}].subnet_id": SUBNET for i in range(len(machine.nics))}
        while True:
            made = target.translate(machine, target.catalogue(), answers)
            if not made.missing:
                return answers
            for gap in (made[path] for path in made.missing):
                missing = gap.verdict is Verdict.MISSING
                answers[gap.path] = gap.candidates[0].value if missing else ACKNOWLEDGE

    def _counts(self, operation: str) -> dict[str, int]:
        server = (self.aws if operation.startswith(("ec2:", "ebs:")) else self.azure).server
        return server.faults.counts().get(operation, {})


def ended(process: "subprocess.Popen[str]") -> tuple[int, dict[str, Any], str]:
    """Exit code, the JSON on stdout, and stderr."""
    out, aside = process.communicate(timeout=300)
    return process.returncode, json.loads(out) if out else {}, aside


def _expected(blocks: Mapping[int, bytes], start: int, length: int) -> bytes:
    found = bytearray(length)
    for index, block in blocks.items():
        at = index * BLOCK
        first, last = max(at, start), min(at + BLOCK, start + length)
        if first < last:
            found[first - start : last - start] = block[first - at : last - at]
    return bytes(found)
