"""The errors Azure Resource Manager answers, as exceptions.

Source: "Common error response" of the ARM RPC contract: ``{"error": {"code",
"message", "target", "details"}}``.
"""

from typing import Any


class ArmError(Exception):
    """One refusal: HTTP status, code and words."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        target: str | None = None,
        details: tuple[str, ...] = (),
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.details = details

    def error(self) -> dict[str, Any]:
        """The value of ``error`` in the body."""
        found: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target is not None:
            found["target"] = self.target
        if self.details:
            found["details"] = [{"code": code, "message": self.message} for code in self.details]
        return found


def not_allowed(message: str, details: tuple[str, ...] = ()) -> ArmError:
    """A conflict with the state of the resource, as Compute words it."""
    return ArmError(409, "OperationNotAllowed", message, details=details)


def invalid_parameter(target: str, message: str) -> ArmError:
    """A property whose value Compute refuses."""
    return ArmError(400, "InvalidParameter", message, target)


def bad_request(message: str) -> ArmError:
    """What Compute answers where it has no code of its own."""
    return ArmError(400, "BadRequest", message)


def change_refused(target: str) -> ArmError:
    """A property that may not change once the resource exists."""
    return ArmError(
        409, "PropertyChangeNotAllowed", f"Changing property '{target}' is not allowed.", target
    )
