"""What a starting machine says on its console: whether it came up, and where not, why.

A console is the guest's to write: what it says is looked through for known words and shown,
and nothing else follows from it.
"""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from coldferry.abilities import Trying
from coldferry.errors import ColdferryError, Finding, Transient
from coldferry.plain import plain
from coldferry.plan import Plan

WITHIN_S = 600.0
"""How long a machine may take to come up: some clouds show a console a minute late."""

_LOOK_EACH_S = 2.0

_HALF_CHARS = 1 << 20
"""Of a longer console its beginning and its end are looked through."""

_LINE_CHARS = 160


class Outcome(StrEnum):
    """What became of a machine that was started, as its console tells it."""

    BOOTED = "booted"
    PASSPHRASE = "waiting for a passphrase"  # noqa: S105 - a sentence
    NO_ROOT = "no root device"
    NO_CONSOLE = "no console"
    PANIC = "kernel panic"
    NO_BOOT_LOADER = "no boot loader"
    EMERGENCY = "emergency mode"
    DEADLINE = "not up at the deadline"


@dataclass(frozen=True)
class Boot:
    """An outcome, and the line of the console that tells it; "" where none does."""

    outcome: Outcome
    line: str = ""


# The words are those of the programs' sources: Linux (init/do_mounts.c, kernel/panic.c),
# initramfs-tools (scripts/functions), dracut (dracut-initqueue.sh), systemd (units/
# emergency.service, src/sulogin-shell, src/cryptsetup), cryptsetup-initramfs (askpass),
# GRUB (kern/rescue_reader.c), SeaBIOS (boot.c), EDK II (BdsEntry.c), Hyper-V's firmware,
# cloud-init (config/cc_final_message.py), getty's prompt, Windows' SAC.
_UP = re.compile(
    r"^[\w.-]{1,64} login:|Reached target \S*[ -]?.{0,20}[Mm]ulti-[Uu]ser"
    r"|^Cloud-init v\. \S{1,40} finished at|The CMD command is now available",
    re.MULTILINE,
)
_FAILED: dict[Outcome, re.Pattern[str]] = {
    Outcome.NO_BOOT_LOADER: re.compile(
        r"No bootable device|Boot failed: not a bootable disk|[Oo]perating system not found"
        r"|Missing operating system|No bootable option or device was found"
        r"|[Nn]o operating system was loaded|did not load an operating system"
        r"|^grub(?: rescue)?>|^UEFI Interactive Shell|^ *Shell>",
        re.MULTILINE,
    ),
    Outcome.NO_ROOT: re.compile(
        r"Gave up waiting for (?:root|suspend/resume) (?:file system )?device"
        r"|ALERT! .{1,200} does not exist|VFS: Cannot open root device"
        r"|VFS: Unable to mount root|dracut-initqueue.{0,40}(?:timeout|does not exist)"
        r"|Dependency failed for .{0,40}(?:sysroot|Initrd Root)"
    ),
    Outcome.PANIC: re.compile(r"Kernel panic - not syncing(?!: VFS: Unable to mount root)"),
    Outcome.EMERGENCY: re.compile(
        r"You are in (?:emergency|rescue) mode|Entering emergency mode"
        r"|root account is locked|Give root password for maintenance"
    ),
    # What a pretended cloud says on a machine that cannot start anything.
    Outcome.NO_CONSOLE: re.compile(r"has no hypervisor, and started nothing"),
}
_HANDED_OVER = re.compile(r"^Booting from Hard Disk\W*\Z", re.MULTILINE)
"""SeaBIOS' last word before the boot sector: what that prints would be seen here, too."""

_ASKS = re.compile(r"Please unlock disk|[Ee]nter (?:the )?(?:LUKS )?passphrase for")
_SPEAKS = re.compile(r"^\[ *\d{1,9}\.\d{6}\] |^\[ +OK +\] |Linux version ", re.MULTILINE)
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|[\x00-\x08\x0b-\x1f\x7f]")


def read_console(console: str, *, over: bool) -> Boot | None:
    """The outcome; None while nothing is decided, which it is once the time is ``over``.

    The first failure is the cause of those behind it; a prompt that somebody may still be
    spared (a volume that may stay closed) is one only in the end.
    """
    text = _cleaned(console)
    failures = [
        (match.start(), outcome)
        for outcome, words in _FAILED.items()
        if (match := words.search(text)) is not None
    ]
    last_up = max((match.start() for match in _UP.finditer(text)), default=-1)
    if failures and last_up < max(failures)[0]:
        at, outcome = min(failures)
        return Boot(outcome, _line(text, at))
    if last_up >= 0:
        return Boot(Outcome.BOOTED, _line(text, last_up))
    if not over:
        return None
    if (asks := _ASKS.search(text)) is not None:
        return Boot(Outcome.PASSPHRASE, _line(text, asks.start()))
    if (handed_over := _HANDED_OVER.search(text)) is not None:
        return Boot(Outcome.NO_BOOT_LOADER, _line(text, handed_over.start()))
    last = len(text.rstrip())
    return Boot(Outcome.DEADLINE if _SPEAKS.search(text) else Outcome.NO_CONSOLE, _line(text, last))


def try_boot(
    target: Trying,
    plan: Plan,
    within_s: float = WITHIN_S,
    go_on: Callable[[], None] = lambda: None,
) -> Boot:
    """Start a throwaway copy of the migration's machine, listen to it, and remove it again.

    ``go_on`` is called between looks, and may raise what ends it. Removed on every end; raises
    what the target raises.
    """
    try:
        trial = target.start_trial(plan)
        deadline = time.monotonic() + within_s
        while True:
            over = time.monotonic() >= deadline
            try:
                boot = read_console(target.trial_console(trial), over=over)
            except Transient:  # one look is missed, and nothing is made anew for it
                if over:
                    raise
                boot = None
            if boot is not None:
                break
            go_on()
            time.sleep(_LOOK_EACH_S)
    except BaseException:
        with suppress(ColdferryError):  # the first error is the one to be told
            target.end_trial(plan.migration)
        raise
    target.end_trial(plan.migration)
    return boot


def finding_of(boot: Boot, vm: str) -> Finding:
    """What a report says of it, and what a person does now."""
    said = f' Its console says: "{boot.line}"' if boot.line else " Its console says nothing."
    return Finding(
        "inform" if boot.outcome is Outcome.BOOTED else "warn",
        f"boot-{boot.outcome.name.lower().replace('_', '-')}",
        vm,
        f"{_WHAT[boot.outcome]}{said}",
        _DO[boot.outcome],
    )


def not_checked(vm: str, why: ColdferryError) -> Finding:
    """The new machine stands, and whether it starts is not known."""
    return Finding(
        "warn", "boot-not-checked", vm,
        f"Whether the new machine starts was not found out: {why.what}",
        "The machine is as it was proven. Where its copy could not be removed, cutover, rollback "
        f"and finalise do it. {why.do}".strip(),
    )  # fmt: skip


def cannot_show(provider: str, vm: str) -> Finding:
    """It was asked for, and is not to be had there."""
    return Finding(
        "warn", "boot-not-checked", vm,
        f"Whether the new machine starts was not found out: {provider} shows no console here.",
        "Start it at the cutover, with checks of your own.",
    )  # fmt: skip


def trial_of(migration: str) -> str:
    """The id that a migration's throwaway copy bears, which is started in place of its machine."""
    return f"{migration}-boot"


_WHAT = {
    Outcome.BOOTED: "A copy of the new machine was started and came up.",
    Outcome.PASSPHRASE: "A copy of the new machine was started and waits for a passphrase.",
    Outcome.NO_ROOT: "A copy of the new machine was started and did not find its root disk.",
    Outcome.NO_CONSOLE: "A copy of the new machine was started, and no system was heard of it.",
    Outcome.PANIC: "A copy of the new machine was started, and its kernel gave up.",
    Outcome.NO_BOOT_LOADER: "A copy of the new machine was started and found no boot loader.",
    Outcome.EMERGENCY: "A copy of the new machine was started and ended in emergency mode.",
    Outcome.DEADLINE: "A copy of the new machine was started and was not up in time.",
}
_DO = {
    Outcome.BOOTED: "",
    Outcome.PASSPHRASE: "Have the passphrase at hand at the cutover, and a way to type it there.",
    Outcome.NO_ROOT: "See that root= and the drivers in its initramfs fit the target: "
    "'coldferry prepare' writes a script for that.",
    Outcome.NO_CONSOLE: "Give its kernel console=ttyS0 ('coldferry prepare'), or look at the "
    "target's screenshot: without a console it cannot be told whether it starts.",
    Outcome.PANIC: "Read the line; start the source and mend the guest, then migrate again.",
    Outcome.NO_BOOT_LOADER: "See that the target starts it by the firmware that its disk is for.",
    Outcome.EMERGENCY: "Look at its fstab: a device that is not there needs nofail.",
    Outcome.DEADLINE: "Its console ends at that line: see what it waits for.",
}


def _cleaned(console: str) -> str:
    """Without what moves a cursor or colours; no longer than can be looked through at once."""
    if len(console) > 2 * _HALF_CHARS:
        console = f"{console[:_HALF_CHARS]}\n{console[-_HALF_CHARS:]}"
    return _CONTROL.sub("", console.replace("\r\n", "\n").replace("\r", "\n"))


def _line(text: str, at: int) -> str:
    """The line that ``at`` is in, as a person may be shown it."""
    begin = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    return plain(text[begin : end if end >= 0 else len(text)].strip(), _LINE_CHARS)
