"""Start, stop, hibernate, reboot and terminate, each taking its time.

moto changes state at once and lets anything be stopped. Sources: StopInstances,
StartInstances, ModifyInstanceAttribute of the EC2 API reference; "Amazon EC2
instance state changes"; "Hibernate your Amazon EC2 instance"; "Stop a Spot
Instance"; "Enable stop protection".
"""

import copy
import time
from datetime import timedelta
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance, InstanceBackend, InstanceState, StateReason
from moto.ec2.responses.instances import InstanceResponse

from sandbox.aws.ec2_console import cut
from sandbox.aws.launch_rules import boot_mode_of, check_type, cpu_options
from sandbox.aws.patching import replace
from sandbox.aws.world import current

CODES = {"pending": 0, "running": 16, "stopping": 64, "stopped": 80, "terminated": 48}
# Attributes that can only be changed while the instance is stopped.
NEEDS_STOPPED = {"instance_type", "kernel", "ramdisk", "user_data", "ebs_optimized"}


class PassingState:
    """A state that turns into the next one after a while, seen whenever it is read."""

    def __init__(self, now: str, later: str, delay_s: float) -> None:
        self._now, self._later = now, later
        self._due_s = time.monotonic() + delay_s

    @property
    def name(self) -> str:
        """The state at this moment."""
        return self._now if time.monotonic() < self._due_s else self._later

    @name.setter
    def name(self, value: str) -> None:
        self._now = self._later = value

    @property
    def code(self) -> int:
        """Its number in the EC2 API."""
        return CODES[self.name]

    @code.setter
    def code(self, value: int) -> None:
        """Moto sets name and code; the name is enough."""


def launched(instance: Any) -> None:
    """A new instance is pending for a moment, and has no state reason."""
    instance.state_reason = None
    instance._state = PassingState("pending", "running", current().delays.start_s)


def start(self: Any) -> InstanceState:
    """StartInstances of one: no-op when running, refused unless stopped."""
    before = _frozen(self)
    if self.state in ("pending", "running"):
        return before
    if self.state != "stopped":
        raise _wrong_state(self, "started")
    for nic in self.nics.values():
        if not _has_elastic_address(nic):
            nic.start()
    self._state = PassingState("pending", "running", current().delays.start_s)
    self._reason, self.state_reason = "", None
    # A real machine takes longer than a second to stop and start, so that no two
    # launches bear the same LaunchTime, which is in whole seconds; nor do they here.
    self.launch_time = max(utcnow(), self.launch_time + timedelta(seconds=1))
    return before


def stop(self: Any, hibernate: bool = False) -> InstanceState:
    """StopInstances of one: no-op when stopped; the public address goes at once."""
    before = _frozen(self)
    if self.state in ("stopping", "stopped"):
        return before
    for nic in self.nics.values():
        if not _has_elastic_address(nic):
            nic.stop()
    cut(self)
    self._state = PassingState("stopping", "stopped", current().delays.stop_s)
    self._reason = f"User initiated ({utcnow():%Y-%m-%d %H:%M:%S} GMT)"
    code, text = "Client.UserInitiatedShutdown", "User initiated shutdown"
    if hibernate:
        code, text = "Client.UserInitiatedHibernate", "User initiated hibernate"
    self.state_reason = StateReason(f"{code}: {text}", code)
    return before


def check_stop(instance: Any, hibernate: bool) -> None:
    """Refuse what AWS does not let be stopped."""
    if instance.state in ("stopping", "stopped"):
        return
    if str(instance.disable_api_stop).lower() == "true":
        message = f"The instance '{instance.id}' may not be stopped. Modify its 'disableApiStop' "
        raise EC2ClientError("OperationNotPermitted", f"{message}instance attribute and try again.")
    if instance.root_device_type != "ebs":
        message = f"The instance '{instance.id}' does not have an 'ebs' root device type and "
        raise EC2ClientError("UnsupportedOperation", f"{message}cannot be stopped.")
    if getattr(instance, "spot_kind", "") == "one-time":
        message = f"You can't stop the Spot Instance '{instance.id}' because it is associated "
        raise EC2ClientError(
            "UnsupportedOperation", f"{message}with a one-time Spot Instance request."
        )
    if instance.state != "running":
        raise _wrong_state(instance, "stopped")
    if hibernate and not (instance.hibernation_options or {}).get("Configured"):
        message = f"The instance '{instance.id}' is not configured for hibernation."
        raise EC2ClientError("UnsupportedHibernationConfiguration", message)


def stop_instances(self: Any) -> ActionResult:
    """StopInstances: all are checked before one is stopped."""
    hibernate = bool(self._get_param("Hibernate"))
    instances = self.ec2_backend.get_multi_instances_by_id(self._get_param("InstanceIds", []))
    self.error_on_dryrun()
    for instance in instances:
        check_stop(instance, hibernate)
    rows = [_change(instance, instance.stop(hibernate)) for instance in instances]
    return ActionResult({"StoppingInstances": rows})


def start_instances(self: Any) -> ActionResult:
    """StartInstances: all are checked before one is started."""
    instances = self.ec2_backend.get_multi_instances_by_id(self._get_param("InstanceIds", []))
    self.error_on_dryrun()
    for instance in instances:
        if instance.state in ("stopping", "terminated"):
            raise _wrong_state(instance, "started")
    rows = [_change(instance, instance.start()) for instance in instances]
    return ActionResult({"StartingInstances": rows})


def reboot(self: Any) -> None:
    """RebootInstances: the instance stays running."""
    if self.state not in ("pending", "running"):
        raise _wrong_state(self, "rebooted")


def terminate(self: Any) -> InstanceState:
    """TerminateInstances: interfaces that outlive the instance become available."""
    self.terminating = True
    cut(self)
    before = _frozen(self)
    _terminate(self)
    for nic in self.nics.values():
        nic.instance = nic.attachment_id = nic.attach_time = None
        nic.status = "available"
    return before


def modify_instance_attribute(self: Any, instance_id: str, key: str, value: Any) -> Any:
    """ModifyInstanceAttribute: size and boot matters only while stopped."""
    instance = self.get_instance(instance_id)
    if key in NEEDS_STOPPED and instance.state != "stopped":
        message = f"The instance '{instance_id}' is not in the 'stopped' state."
        raise EC2ClientError("IncorrectInstanceState", message)
    if key == "instance_type" and (ami := self.amis.get(instance.image_id)):
        facts = check_type(self.region_name, value, ami)
        instance.cpu_options = cpu_options(facts, {})
        instance.current_instance_boot_mode = boot_mode_of(facts, ami)
    return _modify_instance_attribute(self, instance_id, key, value)


def _has_elastic_address(nic: Any) -> bool:
    """An Elastic IP address stays with a stopped instance."""
    return bool(nic.association.get("allocationId"))


def _frozen(instance: Any) -> InstanceState:
    state = instance._state
    return InstanceState(state.name, state.code)


def _change(instance: Any, before: InstanceState) -> dict[str, Any]:
    return {
        "InstanceId": instance.id,
        "CurrentState": _frozen(instance),
        "PreviousState": copy.copy(before),
    }


def _wrong_state(instance: Any, wanted: str) -> EC2ClientError:
    message = f"The instance '{instance.id}' is not in a state from which it can be {wanted}."
    return EC2ClientError("IncorrectInstanceState", message)


replace(Instance, "start", start)
replace(Instance, "stop", stop)
replace(Instance, "reboot", reboot)
_terminate = replace(Instance, "terminate", terminate)
_modify_instance_attribute = replace(
    InstanceBackend, "modify_instance_attribute", modify_instance_attribute
)
replace(InstanceResponse, "stop_instances", stop_instances)
replace(InstanceResponse, "start_instances", start_instances)
