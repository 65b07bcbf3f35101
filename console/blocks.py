"""Clouds as a command names them: saved blocks, read over Prefect's REST API, or written inline.

Importing Prefect costs two seconds; commands that run no flow do without it.
"""

import hashlib
import re
from typing import Any

import httpx
from pydantic import ValidationError

from coldferry.errors import BadInput, Denied, UnknownBlock, Unreachable
from coldferry.migration import slug
from coldferry.plain import plain
from console.output import aside, redact
from console.prefect_server import headers, use_server
from providers.registry import Access, schemes, written

SLUG = "coldferry-cloud"
NAMED = ", or ".join((f"{SLUG}/NAME", *schemes().values()))
"""How a cloud is named on the command line."""

_DOCUMENT = {"name", "data", "id"}
_REFERENCE = re.compile(r"([a-z0-9-]+)/([a-z0-9-]+)")


def load(reference: str) -> tuple[Access, str]:
    """The cloud's settings and the block document's id, for ``type-slug/name``.

    One that is written inline has no document: its id is empty.

    Raises UnknownBlock, saying what blocks there are, and BadInput naming the
    fields of one that was saved with settings that are none.
    """
    if (inline := written(reference)) is not None:
        return inline, ""
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise UnknownBlock(f"{reference!r} is not a block's name.", f"Give it as {NAMED}.")
    type_, name = found.groups()
    if type_ != SLUG:
        raise UnknownBlock(
            f"{reference} is not a cloud.", f"Give a block of the type {SLUG}: {SLUG}/NAME."
        )
    answer = _get(f"/block_types/slug/{type_}/block_documents/name/{name}", dict)
    if answer is None:
        known = ", ".join(sorted(f"{SLUG}/{n}" for n, _, _ in every())) or "none yet"
        raise UnknownBlock(
            f"There is no block {reference}.", f"Saved are: {known}. Blocks are made in the UI."
        )
    access = _access(answer)
    if isinstance(access, BadInput):
        raise access
    return access, str(answer["id"])


def names_cloud(word: str) -> bool:
    """``word`` names a cloud, and not a machine: a saved block, or a scheme."""
    return word.startswith(f"{SLUG}/") or is_inline(word)


def is_inline(word: str) -> bool:
    """``word`` is of one of the schemes, and no saved block."""
    scheme, colon, _ = word.partition(":")
    return bool(colon) and scheme in schemes()


def lasting(reference: str) -> str:
    """The saved block of a cloud; one that is written inline is saved under a name of its own.

    A migration's later commands find it by the saved blocks. Raises BadInput for what only
    serves a plan.
    """
    inline = written(reference, to_move=True)
    if inline is None:
        return reference
    use_server()
    from tasks.clouds import Cloud  # imports Prefect, which must find its server

    told = inline.model_dump_json()
    last = reference.partition(":")[2].rstrip("/").rpartition("/")[2]
    name = f"{inline.provider}-{slug(last)}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"
    if not any(known == name for known, _, _ in every()):
        Cloud.model_validate(inline.model_dump()).save(name, overwrite=True)
        aside.print(f"Saved as {SLUG}/{name}: the commands that follow find the migration by it.")
    return f"{SLUG}/{name}"


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
