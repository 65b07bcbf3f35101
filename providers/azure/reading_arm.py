"""Plain GETs of Azure Resource Manager: all that a plan needs.

Reads are JSON off the wire. The SDK's clients, which carry the long-running
operations of writes, cost three seconds and 300 MiB to import; a description
and a plan do without them.

Pages: "Azure REST API reference" (api-version, nextLink, $filter, $expand).
"""

from typing import Any

from azure.core.pipeline import policies
from azure.core.rest import HttpRequest
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

from coldferry import calls
from providers.azure.ids import Json


class Counted(policies.SansIOHTTPPolicy[Any, Any]):
    """Counts every attempt; it stands behind the retries."""

    def on_request(self, request: Any) -> None:
        """Called before each."""
        del request
        calls.made("azure", "manage")


class ArmReader:
    """GETs with the settings, retries and credential of the SDK's own clients."""

    def __init__(self, credential: Any, base_url: str, scopes: list[str], **options: Any) -> None:
        options = {**options, "base_url": base_url}
        self._client: ARMPipelineClient[Any, Any] = ARMPipelineClient(
            base_url,
            policies=[
                policies.RequestIdPolicy(),
                policies.UserAgentPolicy(sdk_moniker="mgmt-core"),
                policies.ProxyPolicy(**options),
                policies.RetryPolicy(**options),
                Counted(),
                ARMChallengeAuthenticationPolicy(credential, *scopes),
                policies.SensitiveHeaderCleanupPolicy(),
            ],
            **{name: options[name] for name in _TRANSPORT if name in options},
        )

    def one(self, path: str, version: str, **query: str) -> tuple[Json, str]:
        """A resource and the server's ``Date``. Raises what the SDK raises."""
        return self._ask(HttpRequest("GET", path, params={"api-version": version, **query}))

    def every(self, path: str, version: str, **query: str) -> list[Json]:
        """A whole listing, page by page."""
        page, _ = self.one(path, version, **query)
        found: list[Json] = list(page.get("value") or ())
        while following := page.get("nextLink"):
            page, _ = self._ask(HttpRequest("GET", following))
            found += page.get("value") or ()
        return found

    def _ask(self, request: HttpRequest) -> tuple[Json, str]:
        request.url = self._client.format_url(request.url)
        response = self._client.send_request(request)
        response.raise_for_status()
        body: Json = response.json()
        return body, str(response.headers.get("Date", ""))


_TRANSPORT = ("connection_timeout", "read_timeout", "connection_verify")
