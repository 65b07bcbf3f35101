"""The way to a host: whose certificates are believed, and through which proxy.

Sources: RFC 9112 (section 3.2, requests through a proxy), RFC 7617 (Basic), and
the environment variables that Python's and OpenSSL's own clients read.
"""

import base64
import os
import ssl
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from coldferry.errors import BadInput


def trusting(ca_bundle: str | None = None) -> ssl.SSLContext:
    """Whose certificates are believed: a PEM file's, else this machine's, else Mozilla's.

    ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` say where this machine's are. Raises
    BadInput when the file cannot be read.
    """
    if ca_bundle:
        try:
            return ssl.create_default_context(cafile=ca_bundle)
        except (OSError, ValueError):
            raise BadInput(
                f"The CA bundle '{ca_bundle}' cannot be read.", "Give a PEM file."
            ) from None
    context = ssl.create_default_context()
    known = ssl.get_default_verify_paths()
    if known.cafile is None and known.capath is None:
        import certifi

        context.load_verify_locations(certifi.where())
    return context


@dataclass(frozen=True)
class Proxy:
    """Where it listens, and the headers that it is to be given."""

    host: str
    port: int
    headers: dict[str, str]


def read_proxy(url: str | None) -> Proxy | None:
    """The proxy at an address. Raises BadInput when it is none."""
    if not url:
        return None
    parts = address(url if "//" in url else f"http://{url}", "The proxy")
    headers = {}
    if parts.username:
        given = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        word = base64.b64encode(given.encode()).decode()
        headers["Proxy-Authorization"] = f"Basic {word}"
    return Proxy(parts.hostname or "", parts.port or 80, headers)


def proxy_of(parts: SplitResult) -> str | None:
    """What the environment says (``HTTPS_PROXY``, ``NO_PROXY``), as the SDKs read it."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    import urllib.request

    host = parts.hostname or ""
    if urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def address(url: str, which: str) -> SplitResult:
    """The parts of an http(s) address; ``which`` begins the sentence of the BadInput for others."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise BadInput(f"{which} is not an http or https address.", "Correct it.")
    return parts
