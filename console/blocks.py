"""Saved blocks, read over Prefect's REST API.

Importing Prefect costs two seconds; commands that run no flow do without it.
"""

import re
from typing import Any

import httpx

from coldferry.errors import Denied, UnknownBlock, Unreachable
from console.prefect_server import headers, use_server
from providers.registry import Access

SLUG = "coldferry-cloud"
_REFERENCE = re.compile(r"([a-z0-9-]+)/([a-z0-9-]+)")


def load(reference: str) -> tuple[Access, str]:
    """The cloud's settings and the block document's id, for ``type-slug/name``.

    Raises UnknownBlock, saying what blocks there are.
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise UnknownBlock(f"{reference!r} is not a block's name.", f"Give it as {SLUG}/NAME.")
    slug, name = found.groups()
    if slug != SLUG:
        raise UnknownBlock(
            f"{reference} is not a cloud.", f"Give a block of the type {SLUG}: {SLUG}/NAME."
        )
    answer = _get(f"/block_types/slug/{slug}/block_documents/name/{name}")
    if answer is None:
        known = ", ".join(sorted(f"{SLUG}/{n}" for n, _, _ in saved())) or "none yet"
        raise UnknownBlock(
            f"There is no block {reference}.", f"Saved are: {known}. Blocks are made in the UI."
        )
    return Access.model_validate(answer["data"]), str(answer["id"])


def saved() -> list[tuple[str, Access, str]]:
    """``(name, settings, document id)`` of every saved cloud."""
    documents = _get(f"/block_types/slug/{SLUG}/block_documents") or []
    return [(d["name"], Access.model_validate(d["data"]), str(d["id"])) for d in documents]


def _get(path: str) -> Any:
    url = use_server()
    try:
        answer = httpx.get(
            f"{url}{path}", params={"include_secrets": "true"}, headers=headers(), timeout=30
        )
    except httpx.HTTPError:
        raise Unreachable(f"The Prefect API at {url} does not answer.") from None
    if answer.status_code in (401, 403):
        raise Denied(
            f"The Prefect API at {url} refused the credentials.",
            "Set PREFECT_API_KEY or PREFECT_API_AUTH_STRING.",
        )
    if answer.status_code == 404:
        return None
    answer.raise_for_status()
    return answer.json()
