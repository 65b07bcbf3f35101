"""Certificate authorities for a Prefect API that has no TLS.

Prefect's client reads a whole bundle of authorities whenever one is made, and one is made
for each task and each flow: 28 ms of CPU for certifi's 140 (measured, OpenSSL 3.0, 2.6 GHz),
0.6 ms for one. Where the API is plain HTTP none of them is ever asked.
"""

import os
from contextlib import suppress
from pathlib import Path

import certifi

from coldferry.home import folder, private

SETTING = "PREFECT_API_SSL_CERT_FILE"
_END = "-----END CERTIFICATE-----\n"


def spare_authorities(url: str) -> None:
    """Have this process and its children read one authority, where ``url`` has no TLS.

    What somebody has set stays, if it is there; a home that cannot be written costs the time
    only. A server that answers with TLS all the same is then refused, as nearly no certificate
    is trusted.
    """
    if url.startswith("http://") and not Path(os.environ.get(SETTING) or " ").exists():
        with suppress(OSError):
            os.environ[SETTING] = one_authority()


def one_authority() -> str:
    """A file with one of certifi's, made in this home when it is not there."""
    path = folder("prefect") / "authority.pem"
    if not path.exists():
        first = Path(certifi.where()).read_text().partition(_END)
        part = path.with_suffix(f".{os.getpid()}.part")
        with open(part, "w", opener=private) as sink:
            sink.write(first[0] + _END)
        part.rename(path)  # whole or not at all, for others that start now
    return str(path)
