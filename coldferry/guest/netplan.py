"""netplan's YAML, read with strictness: a guest's file is a stranger's."""

from collections.abc import Iterator
from typing import Any

import yaml

_KINDS = ("ethernets", "bonds", "bridges", "vlans", "wifis")


class _Strict(yaml.SafeLoader):
    """Without anchors and aliases: a few hundred bytes of them make gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise yaml.YAMLError("Anchors are not taken here.")
        return super().compose_node(parent, index)


def ethernets(text: str) -> Iterator[dict[str, Any]]:
    """The settings of each interface; nothing where the text is no netplan file."""
    try:
        said: Any = yaml.load(text, Loader=_Strict)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError):
        return
    network = said.get("network") if isinstance(said, dict) else None
    for kind in _KINDS:
        interfaces = network.get(kind) if isinstance(network, dict) else None
        for one in interfaces.values() if isinstance(interfaces, dict) else ():
            if isinstance(one, dict):
                yield one
