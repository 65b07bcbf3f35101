"""Starting, stopping and restarting, each returning when EC2 has said so.

Sources: StartInstances, StopInstances, RebootInstances of the EC2 API
reference; "Enable stop protection for your EC2 instance".
"""

from coldferry.errors import ColdferryError, Conflict, ProviderError, Transient, WillNotStop
from coldferry.ports import PowerState
from providers.aws.client import speaking
from providers.aws.instances import power_of, read_instance, read_living
from providers.aws.pauses import Pauses
from providers.aws.session import Clients

_START_WITHIN_S = 600.0


def power(clients: Clients, vm: str) -> PowerState:
    """The state as of now; raises UnknownMachine."""
    return power_of(read_instance(clients, vm))


def start(clients: Clients, vm: str) -> None:
    """Return once EC2 said running. Raises ProviderError when it falls back to stopped."""
    pauses = Pauses(_START_WITHIN_S)
    began = False
    while True:
        instance = read_living(clients, vm)
        state = power_of(instance)
        if state is PowerState.RUNNING:
            return
        if state is PowerState.STOPPED:
            if began:
                why = instance.get("StateReason", {}).get("Code", "no reason given")
                raise ProviderError(
                    f"{vm} was started and is stopped again ({why}).",
                    "See the state transition reason in the EC2 console, then start it again.",
                )
            with speaking("ec2:StartInstances", vm):
                clients.ec2.start_instances(InstanceIds=[vm])
        began = began or state is PowerState.STARTING
        if pauses.over:
            raise Transient(f"{vm} is still {state} after {_START_WITHIN_S:.0f} s.")
        pauses.pause()


def stop(clients: Clients, vm: str, *, force: bool, timeout_s: float) -> None:
    """Return once EC2 said stopped twice in a row. Raises WillNotStop; never terminates.

    The order is given even with no time left to wait: it then goes on alone.
    """
    pauses = Pauses(timeout_s)
    ordered = stopped_before = False
    while True:
        state = power_of(read_living(clients, vm))
        if state is PowerState.STOPPED and stopped_before:
            return
        stopped_before = state is PowerState.STOPPED
        if not stopped_before and not ordered:
            ordered = _order(clients, vm, state, force=force)
        if not stopped_before and pauses.over:
            raise WillNotStop(
                f"{vm} is {state}, not stopped, after {timeout_s:.0f} s.",
                "Look at what holds up its shutdown, then run the same command again; "
                "'coldferry stop --force' cuts the power.",
                resumable=True,
            )
        pauses.pause()


def reboot(clients: Clients, vm: str) -> None:
    """Return once EC2 took the order."""
    read_living(clients, vm)
    with speaking("ec2:RebootInstances", vm):
        clients.ec2.reboot_instances(InstanceIds=[vm])


def _order(clients: Clients, vm: str, state: PowerState, *, force: bool) -> bool:
    """Ask for the stop; False when it must be asked again because the machine is still starting."""
    if state is PowerState.STARTING or (state is PowerState.STOPPING and not force):
        return state is PowerState.STOPPING
    try:
        with speaking("ec2:StopInstances", vm, _refusals(vm)):
            clients.ec2.stop_instances(InstanceIds=[vm], Force=force)
    except Conflict:
        return False  # its state changed between the read and the order
    return True


def _refusals(vm: str) -> dict[str, ColdferryError]:
    return {
        "OperationNotPermitted": WillNotStop(
            f"{vm} is protected against being stopped.",
            f"Lift the protection with 'aws ec2 modify-instance-attribute --instance-id {vm} "
            "--no-disable-api-stop', then run the same command again.",
            resumable=True,
        ),
        "UnsupportedOperation": WillNotStop(
            f"EC2 cannot stop {vm}: its root device is an instance store, or it is a one-time "
            "Spot Instance.",
            "Such a machine can only be terminated; make an image of it and start a machine "
            "with an EBS root from that.",
            resumable=False,
        ),
    }
