"""Puts our functions in place of moto's, and answers repeated client tokens.

moto models cannot be subclassed outside its package (it reads the service name
from the class's module), so single attributes are replaced instead.
"""

import json
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError

from sandbox.aws.world import current


def replace(owner: type, name: str, value: object) -> Any:
    """Set ``owner.name`` to ``value`` and return what was there, or None."""
    before = getattr(owner, name, None)
    setattr(owner, name, value)
    return before


def once_per_token(operation: str, obey: Callable[[Any], ActionResult]) -> Callable[[Any], Any]:
    """Make an EC2 handler idempotent by ClientToken.

    Source: "Ensuring idempotency in Amazon EC2 API requests": the same token
    with other parameters is refused with IdempotentParameterMismatch.
    """

    def handler(self: Any) -> ActionResult:
        token = self._get_param("ClientToken")
        if not token or self._get_param("DryRun"):
            return obey(self)
        params = {k: v for k, v in self.params.items() if k not in ("ClientToken", "DryRun")}
        fingerprint = json.dumps(params, sort_keys=True, default=str)
        key = (operation, self.region, token)
        if key in current().tokens:
            known, result = current().tokens[key]
            if known != fingerprint:
                raise EC2ClientError(
                    "IdempotentParameterMismatch",
                    f"A request with the client token '{token}' had other parameters.",
                )
            return ActionResult(result)
        answer = obey(self)
        current().tokens[key] = (fingerprint, answer.result)
        return answer

    return handler
