"""RunInstances: launches that follow their AMI, types, devices and client token.

moto drops CpuOptions, BootMode, EnaSupport, PlatformDetails, Throughput and the
AMI's block devices, launches MinCount instead of MaxCount, and ignores the
client token. Source: RunInstances and Instance of the EC2 API reference.
"""

import secrets
from contextvars import ContextVar
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance, InstanceBackend
from moto.ec2.responses.instances import InstanceResponse

from sandbox.aws.ec2_life import launched
from sandbox.aws.launch_limits import check_quota, check_tag_kinds, not_terminated
from sandbox.aws.launch_rules import (
    boot_mode_of,
    check_interfaces,
    check_type,
    cpu_options,
    find_image,
    merged_devices,
)
from sandbox.aws.patching import once_per_token, replace

# Parameters of the request that moto does not pass to its backend.
_asked: ContextVar[dict[str, Any] | None] = ContextVar("asked", default=None)
_PASSED_ON = (
    *("MaxCount", "CpuOptions", "BlockDeviceMappings", "DisableApiTermination", "DryRun"),
    *("InstanceMarketOptions", "MetadataOptions"),
)


def run_instances_call(self: Any) -> ActionResult:
    """The handler: keep the parameters moto would drop, and refuse bad combinations."""
    asked = {name: self._get_param(name) for name in _PASSED_ON}
    if self._get_param("NetworkInterfaces") and (
        self._get_param("SecurityGroupIds") or self._get_param("SecurityGroups")
    ):
        message = "Network interfaces and instance-level security groups may not be specified on "
        raise EC2ClientError("InvalidParameterCombination", f"{message}the same request")
    if (key := self._get_param("KeyName")) and key not in self.ec2_backend.key_pairs:
        message = f"The key pair '{key}' does not exist"
        raise EC2ClientError("InvalidKeyPair.NotFound", message)
    check_tag_kinds(self._get_param("TagSpecifications", []))
    if asked["DryRun"]:
        # A dry run checks the parameters too; moto would answer it before.
        kwargs = {
            "launch_template": self._get_param("LaunchTemplate", {}),
            "instance_type": self._get_param("InstanceType", "m1.small"),
            "is_instance_type_default": not self._get_param("InstanceType"),
            "nics": self._get_param("NetworkInterfaces", []),
        }
        check_launch(self.ec2_backend, self._get_param("ImageId"), kwargs, asked)
    token = _asked.set(asked)
    try:
        result: ActionResult = _run_instances_call(self)
    finally:
        _asked.reset(token)
    return result


def run_instances(
    self: Any,
    image_id: str | None,
    count: int,
    user_data: Any,
    security_group_names: list[str],
    **kwargs: Any,
) -> Any:
    """The backend: check, launch, then give each instance its volumes and facts."""
    asked = _asked.get() or {}
    ami, facts, cpus, devices, subnet = check_launch(self, image_id, kwargs, asked)
    image_id = ami.id
    if subnet is not None:
        kwargs["subnet_id"] = subnet.id
    elif not kwargs.get("subnet_id"):
        kwargs["subnet_id"] = _default_subnet(self, kwargs.get("placement"))
    if kwargs.get("nics") and any("NetworkInterfaceId" in nic for nic in kwargs["nics"]):
        count = 1
    elif asked.get("MaxCount"):
        count = int(asked["MaxCount"])
    kwargs["block_device_mappings"] = []  # or moto makes an empty 8 GiB root volume
    kwargs.setdefault("tags", {})
    tags = dict(kwargs["tags"])
    reservation = _run_instances(self, image_id, count, user_data, security_group_names, **kwargs)
    for instance in reservation.instances:
        _describe(instance, ami, facts, asked)
        instance.cpu_options = cpus
        for device, ebs in devices:
            _add_volume(self, instance, device, ebs, tags.get("volume", {}))
        for eni in instance.nics.values():
            eni.add_tags(tags.get("network-interface", {}))
        launched(instance)
    return reservation


def check_launch(
    backend: Any, image_id: str | None, kwargs: dict[str, Any], asked: dict[str, Any]
) -> tuple[Any, dict[str, Any], dict[str, int], list[tuple[str, dict[str, Any]]], Any]:
    """Refuse what AWS would; answer AMI, type facts, CPU options, devices and subnet."""
    template: dict[str, Any] = {}
    if kwargs.get("launch_template"):
        template = backend._get_template_from_args(kwargs["launch_template"]).data
    if kwargs.get("is_instance_type_default") and template.get("InstanceType"):
        kwargs["instance_type"] = template["InstanceType"]
    ami = find_image(backend, image_id or template.get("ImageId"))
    facts = check_type(backend.region_name, kwargs["instance_type"], ami)
    cpus = cpu_options(facts, asked.get("CpuOptions") or template.get("CpuOptions") or {})
    given = asked.get("BlockDeviceMappings") or template.get("BlockDeviceMappings") or []
    if not given and kwargs.get("launch_config"):
        given = kwargs["launch_config"].block_device_mapping_dict or []
    devices = merged_devices(backend, ami, given)
    subnet = check_interfaces(backend, facts, kwargs.get("nics") or [])
    check_quota(backend, facts)
    return ami, facts, cpus, devices, subnet


def _default_subnet(backend: Any, zone: str | None) -> str:
    vpc = backend.get_default_vpc()
    subnets = backend.get_default_subnets() if vpc else {}
    if not subnets:
        message = "No default VPC for this user, or no default subnet in it."
        raise EC2ClientError("VPCIdNotSpecified", message)
    if zone and zone not in subnets:
        raise EC2ClientError("InvalidParameterValue", f"No default subnet in '{zone}'.")
    return str((subnets[zone] if zone else subnets[min(subnets)]).id)


def _describe(instance: Any, ami: Any, facts: dict[str, Any], asked: dict[str, Any]) -> None:
    """Set what DescribeInstances of AWS shows and moto's Instance has not."""
    instance.boot_mode = ami.boot_mode
    instance.current_instance_boot_mode = boot_mode_of(facts, ami)
    instance.ena_support = ami.ena_support
    instance.tpm_support = ami.tpm_support
    instance.platform_details = ami.platform_details
    instance.usage_operation = ami.usage_operation
    instance.usage_operation_update_time = instance.launch_time
    instance.root_device_type = ami.root_device_type
    if not instance.hibernation_options:
        instance.hibernation_options = {"Configured": False}
    if asked.get("DisableApiTermination"):
        instance.disable_api_termination = True
    if ami.imds_support and not (asked.get("MetadataOptions") or {}).get("HttpTokens"):
        instance.metadata_options.http_tokens = "required"
    market = asked.get("InstanceMarketOptions") or {}
    if market.get("MarketType") == "spot":
        instance.lifecycle = "spot"
        instance.spot_instance_request_id = f"sir-{secrets.token_hex(4)}"
        instance.spot_kind = (market.get("SpotOptions") or {}).get("SpotInstanceType", "one-time")


def _add_volume(
    backend: Any, instance: Any, device: str, ebs: dict[str, Any], tags: dict[str, str]
) -> None:
    volume = backend.create_volume(
        size=ebs["VolumeSize"],
        zone_name=instance.placement.zone,
        snapshot_id=ebs.get("SnapshotId"),
        encrypted=bool(ebs.get("Encrypted")),
        kms_key_id=ebs.get("KmsKeyId"),
        volume_type=ebs.get("VolumeType"),
        iops=ebs.get("Iops"),
        throughput=ebs.get("Throughput"),
    )
    volume.add_tags(tags)
    backend.attach_volume(volume.id, instance.id, device, bool(ebs.get("DeleteOnTermination")))


def _no_mappings(self: Any) -> list[dict[str, Any]]:
    """Moto's parser refuses a device that only changes its AMI's; ours is in launch_rules."""
    return []


_run_instances_call = replace(
    InstanceResponse,
    "run_instances",
    not_terminated(once_per_token("RunInstances", run_instances_call)),
)
_run_instances = replace(InstanceBackend, "run_instances", run_instances)
replace(InstanceResponse, "_parse_block_device_mapping", _no_mappings)
Instance.VALID_ATTRIBUTES.add("enaSupport")
