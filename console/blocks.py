"""Saved blocks, read over Prefect's REST API.

Importing Prefect costs two seconds; commands that run no flow do without it.
"""

import re
from typing import Any

import httpx
from pydantic import ValidationError

from coldferry.errors import BadInput, Denied, UnknownBlock, Unreachable
from coldferry.plain import plain
from console.output import redact
from console.prefect_server import headers, use_server
from providers.registry import Access

SLUG = "coldferry-cloud"
_DOCUMENT = {"name", "data", "id"}
_REFERENCE = re.compile(r"([a-z0-9-]+)/([a-z0-9-]+)")


def load(reference: str) -> tuple[Access, str]:
    """The cloud's settings and the block document's id, for ``type-slug/name``.

    Raises UnknownBlock, saying what blocks there are, and BadInput naming the
    fields of one that was saved with settings that are none.
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise UnknownBlock(f"{reference!r} is not a block's name.", f"Give it as {SLUG}/NAME.")
    slug, name = found.groups()
    if slug != SLUG:
        raise UnknownBlock(
            f"{reference} is not a cloud.", f"Give a block of the type {SLUG}: {SLUG}/NAME."
        )
    answer = _get(f"/block_types/slug/{slug}/block_documents/name/{name}", dict)
    if answer is None:
        known = ", ".join(sorted(f"{SLUG}/{n}" for n, _, _ in every())) or "none yet"
        raise UnknownBlock(
            f"There is no block {reference}.", f"Saved are: {known}. Blocks are made in the UI."
        )
    access = _access(answer)
    if isinstance(access, BadInput):
        raise access
    return access, str(answer["id"])


def saved() -> list[tuple[str, Access, str]]:
    """``(name, settings, document id)`` of every saved cloud whose settings can be read."""
    return [(name, found, id_) for name, found, id_ in every() if isinstance(found, Access)]


def every() -> list[tuple[str, Access | BadInput, str]]:
    """As :func:`saved`, with what is wrong in place of settings that cannot be read."""
    documents = _get(f"/block_types/slug/{SLUG}/block_documents") or []
    return [(d["name"], _access(d), str(d["id"])) for d in documents]


def documents(slug: str) -> list[tuple[str, Any]]:
    """``(name, data)`` of every saved block of a type; none when nobody saved one."""
    found = _get(f"/block_types/slug/{slug}/block_documents") or []
    return [(d["name"], d["data"]) for d in found]


def _access(document: dict[str, Any]) -> Access | BadInput:
    """A document's settings. Prefect's API takes any, so nothing is sure of them.

    The error names fields and never quotes a value: a secret may have been put
    into the wrong place.
    """
    try:
        return Access.model_validate(document["data"])
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
    named = "; ".join(f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in faults)
    return BadInput(
        f"The block {SLUG}/{plain(document['name'])} cannot be used: {plain(named)}.",
        "Correct it in the UI: there each field says what it takes.",
    )


def _get(path: str, shape: type = list) -> Any:
    """What Prefect answers, None for what it does not know.

    Raises BadInput when what answers is no Prefect API.
    """
    url = use_server()
    shown = plain(redact(url))
    try:
        answer = httpx.get(
            f"{url}{path}", params={"include_secrets": "true"}, headers=headers(), timeout=30
        )
    except httpx.HTTPError:
        raise Unreachable(
            f"The Prefect API at {shown} does not answer.",
            "PREFECT_API_URL, or the active Prefect profile, names it: correct it or start that "
            "server; where nothing names one, coldferry starts its own.",
        ) from None
    except httpx.InvalidURL:
        raise _not_prefect(shown) from None
    if answer.status_code in (401, 403):
        raise Denied(
            f"The Prefect API at {shown} refused the credentials.",
            "Set PREFECT_API_KEY or PREFECT_API_AUTH_STRING.",
        )
    if answer.status_code >= 500:
        raise Unreachable(f"The Prefect API at {shown} answers with {answer.status_code}.")
    try:
        said = answer.json()
    except ValueError:
        raise _not_prefect(shown) from None
    if answer.status_code == 404 and isinstance(said, dict) and "detail" in said:
        return None
    rows = said if isinstance(said, list) else [said]
    documents = all(isinstance(row, dict) and row.keys() >= _DOCUMENT for row in rows)
    if answer.status_code != 200 or not isinstance(said, shape) or not documents:
        raise _not_prefect(shown)
    return said


def _not_prefect(shown: str) -> BadInput:
    return BadInput(
        f"What answers at {shown} is not a Prefect API.",
        "Set PREFECT_API_URL to the API's address, which ends in /api; without it one is started.",
    )
