"""What a console's words mean; the guests that really say them are in test_boot_causes.py."""

import time

import pytest

from coldferry.boot_check import Outcome, finding_of, read_console

KERNEL = "[    0.000000] Linux version 6.1.0 (x)\n[    1.234567] Run /init as init process\n"
SAID = {
    Outcome.BOOTED: [
        "Debian GNU/Linux 12 web-01 ttyS0\n\nweb-01 login: ",
        "[  OK  ] Reached target multi-user.target - Multi-User System.\n",
        "Cloud-init v. 22.4.2 finished at Mon, 30 Nov 2026 03:00:00 +0000.\n",
        "EVENT: The CMD command is now available.\r\nSAC>",
    ],
    Outcome.PASSPHRASE: [
        "Please unlock disk sda3_crypt: ",
        "Please enter passphrase for disk QEMU_NVMe_Ctrl (secret): ",
        "Enter passphrase for hd0,gpt1 (4f2e): ",
    ],
    Outcome.NO_ROOT: [
        "Gave up waiting for root file system device.  Common problems:\n",
        "ALERT!  UUID=4f2e does not exist.  Dropping to a shell!\n",
        "dracut-initqueue[312]: Warning: dracut-initqueue timeout - starting timeout scripts\n",
        'VFS: Cannot open root device "UUID=4f2e" or unknown-block(0,0): error -6\n',
        "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\n",
    ],
    Outcome.PANIC: ["Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100\n"],
    Outcome.EMERGENCY: [
        'You are in emergency mode. After logging in, type "journalctl -xb" to view\n',
        "Cannot open access to console, the root account is locked.\n",
    ],
    Outcome.NO_BOOT_LOADER: [
        "No bootable device.\n",
        "BdsDxe: No bootable option or device was found.\n",
        "grub rescue> ",
    ],
}


@pytest.mark.parametrize(
    ("outcome", "text"), [(outcome, text) for outcome, texts in SAID.items() for text in texts]
)
def test_known_words_are_an_outcome(outcome, text):
    boot = read_console(KERNEL + text, over=True)

    assert boot is not None and boot.outcome is outcome
    assert boot.line in text.replace("\r", "\n") and boot.line


def test_a_prompt_for_a_passphrase_decides_nothing_while_there_is_time():
    asking = KERNEL + SAID[Outcome.PASSPHRASE][0]

    assert read_console(asking, over=False) is None
    up = read_console(f"{asking}\nweb-01 login: ", over=False)
    assert up is not None and up.outcome is Outcome.BOOTED


def test_the_first_failure_is_the_cause_of_those_behind_it():
    text = "".join(SAID[one][0] for one in (Outcome.NO_ROOT, Outcome.EMERGENCY, Outcome.PANIC))
    boot = read_console(KERNEL + text, over=False)

    assert boot is not None and boot.outcome is Outcome.NO_ROOT


def test_a_machine_that_failed_once_and_came_up_then_is_up():
    boot = read_console(KERNEL + SAID[Outcome.EMERGENCY][0] + "web-01 login: ", over=False)

    assert boot is not None and boot.outcome is Outcome.BOOTED


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("", Outcome.NO_CONSOLE),
        ("GRUB loading.\nBooting `Debian GNU/Linux'\n", Outcome.NO_CONSOLE),
        (KERNEL, Outcome.DEADLINE),
    ],
)
def test_what_nobody_said_at_the_deadline_is_told_apart(text, outcome):
    assert read_console(text, over=False) is None
    boot = read_console(text, over=True)
    assert boot is not None and boot.outcome is outcome


def test_colours_and_cursors_do_not_hide_a_word():
    boot = read_console("\x1b[0;1;31mYou are in \x1b[0memergency mode.\x1b[K\r\n", over=False)

    assert boot is not None
    assert boot.line == "You are in emergency mode."


def test_what_a_guest_writes_is_shown_harmless_and_short():
    console = "evil\u202e\x07 Kernel panic - not syncing" + "A" * 4000 + "\n"
    boot = read_console(console, over=False)

    assert boot is not None and len(boot.line) <= 160
    assert "\u202e" not in boot.line and "\x07" not in boot.line
    assert finding_of(boot, "web-01").severity == "warn"


@pytest.mark.parametrize(
    "filling", ["a", "\n", "[ ", "ALERT! ", "dracut-initqueue", "\x1b[", "Reached target "]
)
def test_a_flood_is_read_in_a_moment(filling):
    begun = time.process_time()
    read_console(filling * (4_000_000 // len(filling)), over=True)

    assert time.process_time() - begun < 5
