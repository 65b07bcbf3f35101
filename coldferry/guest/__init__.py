"""What the disks of a machine say of the guest on them, without running or mounting anything.

A disk's bytes belong to its guest, and are hostile until shown otherwise:
whatever parses them runs in a child process with limits and without
credentials (:mod:`coldferry.guest.child`), which asks this one for ranges of
the disks and answers one document.
"""
