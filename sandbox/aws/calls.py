"""Reads one HTTP request as an AWS call: which service, operation, region, key.

Sources: "Signature Version 4" (the credential scope names region and service)
and the service models that botocore ships (paths of the REST services).
"""

import re
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qsl, unquote_plus

import botocore.session

# Signing name -> (name used in fault patterns and counters, protocol).
SERVICES = {
    "ec2": ("ec2", "ec2"),
    "ebs": ("ebs", "rest-json"),
    "elasticfilesystem": ("efs", "rest-json"),
    "autoscaling": ("autoscaling", "query"),
    "elasticloadbalancing": ("elasticloadbalancing", "query"),
    "monitoring": ("cloudwatch", "json"),
    "route53": ("route53", "rest-xml"),
    "iam": ("iam", "query"),
    "sts": ("sts", "query"),
    "fsx": ("fsx", "json"),
    "kms": ("kms", "json"),
    "servicequotas": ("service-quotas", "json"),
    "ssm": ("ssm", "json"),
}
_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True)
class Call:
    """One request, read but not yet obeyed."""

    service: str
    operation: str
    protocol: str
    region: str
    access_key_id: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    form: dict[str, str]

    @property
    def name(self) -> str:
        """The name in fault patterns and counters: ``ec2:StopInstances``."""
        return f"{self.service}:{self.operation}"

    @property
    def text(self) -> str:
        """What a fault's ``contains`` is looked for in; block data is left out."""
        where = f"{self.path}?{'&'.join(f'{k}={v}' for k, v in self.query.items())}"
        if self.operation == "PutSnapshotBlock":
            return where
        return f"{where}\n{unquote_plus(self.body.decode('utf-8', 'replace'))}"


def read_call(environ: dict[str, object], body: bytes) -> Call:
    """Read a WSGI request; an unknown service or operation is named ``unknown``."""
    headers = {
        key[5:].replace("_", "-").lower(): str(value)
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }
    scope = _SCOPE.search(headers.get("authorization", ""))
    key_id, region, signing_name = scope.groups() if scope else ("", "us-east-1", "")
    service, protocol = SERVICES.get(signing_name, ("unknown", "json"))
    if service == "cloudwatch":
        protocol = _cloudwatch_protocol(headers)
    method, path = str(environ["REQUEST_METHOD"]), str(environ.get("PATH_INFO", "/"))
    form: dict[str, str] = {}
    if protocol in ("ec2", "query"):
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        operation = form.get("Action", "unknown")
    elif protocol == "rpc":  # "Smithy RPC v2 CBOR": the operation ends the path
        operation = path.rpartition("/operation/")[2]
    elif protocol in ("rest-json", "rest-xml"):
        operation = _rest_operation(service, method, path)
    else:
        operation = headers.get("x-amz-target", "unknown").rpartition(".")[2]
    query = dict(parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True))
    return Call(
        service, operation, protocol, region, key_id, method, path, query, headers, body, form
    )


def _cloudwatch_protocol(headers: dict[str, str]) -> str:
    """It speaks three, and clients choose by their age ("protocols" in its service model)."""
    if "smithy-protocol" in headers:
        return "rpc"
    return "json" if "x-amz-target" in headers else "query"


def _rest_operation(service: str, method: str, path: str) -> str:
    for verb, pattern, operation in _routes(service):
        if verb == method and pattern.fullmatch(path):
            return operation
    return "unknown"


@cache
def _routes(service: str) -> list[tuple[str, re.Pattern[str], str]]:
    model = botocore.session.get_session().get_service_model(service)
    routes = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        uri = http["requestUri"].partition("?")[0]
        pattern = "".join(
            "[^/]+" if part.startswith("{") else re.escape(part)
            for part in re.split(r"(\{[^}]+\})", uri)
        )
        routes.append((http["method"], re.compile(pattern + "/?"), name))
    # A literal path (/snapshots/completion/x) wins over one with more parameters.
    return sorted(routes, key=lambda route: route[1].pattern.count("[^/]+"))
