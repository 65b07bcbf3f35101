"""What a placement makes of a device's fields: the same at every target."""

from dataclasses import replace
from typing import Any

from coldferry.machine import Disk, NetworkFilesystem
from coldferry.placement import Placement, placement_of, refusal, remote_at, word_of
from coldferry.plain import plain, size
from coldferry.rules import Outcome, Question, Unfit
from coldferry.translation import Candidate
from coldferry.verdicts import ACKNOWLEDGE, equivalent, lost, missing

Q = Question[Any]

PLACED_DISK = ("equivalent", "missing", "dropped, acknowledge")
PLACED_SHARE = ("dropped, acknowledge", "equivalent, acknowledge")
"""Every verdict that these may give."""

_REMOTE = (
    "Mounted over the network from where it is, once its latency was measured: its files stay "
    "there."
)
_NOFAIL = "The guest keeps its mount, marked nofail, and starts without it."
_REMOVE = "The guest's mount is taken out: it is not used any more."

SHARE_CANDIDATES = (
    Candidate(value=Placement.REMOTE, meaning=_REMOTE),
    Candidate(value=Placement.NOFAIL, meaning=_NOFAIL),
    Candidate(value=Placement.REMOVE, meaning=_REMOVE),
)


def new_disk(_question: Q) -> Outcome:
    """A disk that is copied."""
    return equivalent("A new disk is made.", None, "It has another id.")


def placed_disk(question: Q, said: Any) -> Outcome:
    """A disk as a person placed it. Raises Unfit with the reason."""
    disk: Disk = question.item("disks")
    word, held = word_of(said), size(disk.size_bytes)
    if why := refusal(disk, word):
        raise Unfit(why)
    name = f"disk{question.leaf.index[0]}"
    if word == Placement.COPY:
        return new_disk(question)
    if word == Placement.DROP:
        return lost(
            "A person decided that it is left behind.",
            f"{name} ({held}) is neither frozen nor copied, and the new machine does not have it: "
            "mark its mounts 'nofail' or take them out, else the guest may not start.",
        )
    return missing(
        f"Whether {name} is copied is a person's to say.",
        [
            (Placement.COPY.value, f"Up to {held} are frozen, copied and proven."),
            (Placement.DROP.value, "It is left behind: the new machine does not have it."),
        ],
    )


def share(question: Q) -> Outcome:
    """A file system of the network that nobody placed yet."""
    asked = lost(
        "A file system of the network is no disk of the machine.",
        f"{question.value}: its files are not copied; mount it remotely or move it by other means.",
    )
    return replace(asked, candidates=SHARE_CANDIDATES)


def placed_share(question: Q, said: Any) -> Outcome:
    """A file system as a person placed it. Raises Unfit with the reason."""
    part: NetworkFilesystem = question.item("network_filesystems")
    word = word_of(said)
    if why := refusal(part, word):
        raise Unfit(why)
    if placement_of(word) == Placement.REMOTE:
        at = remote_at(word)
        where = at[0] if at and at[0] else part.address
        return equivalent(
            "A person decided that it stays where it is.", word,
            f"Its files are not copied: it is mounted over the network from {plain(where)}, as "
            "the report says.", ACKNOWLEDGE,
        )  # fmt: skip
    if word == Placement.NOFAIL:
        return lost("A person decided that the guest does without it.",
                    f"Its files are not copied. {_NOFAIL}", Placement.NOFAIL.value)  # fmt: skip
    return lost("A person decided that it is not used any more.",
                f"Its files are not copied. {_REMOVE}", Placement.REMOVE.value)  # fmt: skip
