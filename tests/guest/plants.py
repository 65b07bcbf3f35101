"""Faults by name: each changes a healthy guest's recipe in one way."""

from collections.abc import Callable

from tests.guest.recipe import Recipe

PLANTS: dict[str, Callable[[Recipe], None]] = {}
