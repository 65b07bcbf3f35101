"""What ``sandbox up`` answers: one entry a cloud, and the machines to move."""

from typing import Any


def clouds(state: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each cloud's entry by its provider's name."""
    return {name: entry for name, entry in state.items() if isinstance(entry, dict)}


def route(state: dict[str, Any]) -> tuple[str, str, str]:
    """The demonstration's way: source block, machine, target block."""
    return state["aws"]["block"], state["machines"][0], state["azure"]["block"]
