"""The translation book in Prefect: one block document a rule, named by the rule's digest.

Writers cannot lose each other's rules: nobody reads, changes and writes
anything back, and the same rule written twice is the same document. A
Prefect variable would be one value of at most 5,000 characters
(``prefect.types.MAX_VARIABLE_VALUE_LENGTH``), which ten rules fill.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, ClassVar
from uuid import UUID

import httpx
from prefect import runtime
from prefect.blocks.core import Block
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import BlockDocumentCreate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.logging import get_logger
from pydantic import ValidationError

from coldferry.approval import Approval
from coldferry.book import Book, BookRule
from coldferry.learning import learn
from coldferry.precedents import EMPTY
from tasks.clouds import Cloud
from tasks.documents import register

SLUG = "coldferry-book-rule"

_HELD = "coldferry-book"
"""The key under which a run keeps which rules it knows."""


class RuleRecord(Block):
    """One rule of the translation book."""

    _block_type_name: ClassVar[str | None] = "Coldferry book rule"
    _block_type_slug: ClassVar[str | None] = SLUG
    _description: ClassVar[str | None] = (
        "An approved answer that holds for the next machine; 'coldferry book' lists and forgets it."
    )

    rule: dict[str, Any]

    @classmethod
    def document(cls, rule: BookRule) -> BlockDocumentCreate:
        """What is sent to make a rule's document, once the type is registered."""
        assert cls._block_type_id
        assert cls._block_schema_id
        return BlockDocumentCreate(
            name=name_of(rule),
            data={"rule": rule.model_dump(mode="json")},
            block_type_id=cls._block_type_id,
            block_schema_id=cls._block_schema_id,
        )


async def open_book(*, use_book: bool = True) -> Book:
    """The rules as of now, or as of this run's first form; the empty book when none is wanted.

    A document that is no rule (of a later release, or made by hand) is left
    out with a warning: a migration never fails by its book.
    """
    if not use_book:
        return EMPTY
    async with get_client() as client:
        try:
            documents = await client.read_block_documents_by_type(SLUG)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != httpx.codes.NOT_FOUND:
                raise
            return EMPTY  # nobody has kept a rule on this server yet
        held = await _held(client)
    book = Book(_readable(documents))
    return book if held is None else Book(rule for rule in book.rules if rule.id in held)


async def hold(book: Book) -> None:
    """From its first form on this run knows no rules but these.

    A run that is resumed begins anew. Were there new rules by then, it would
    find another plan than the one that its form was filled in for.
    """
    ids = json.dumps([rule.id for rule in book.rules])
    async with get_client() as client:
        if await _held(client) is None:
            await client.create_flow_run_input(_this_run(), _HELD, ids)


async def keep(rules: Sequence[BookRule]) -> None:
    """Add rules; one that is there already stays as it is."""
    if not rules:
        return
    await register(RuleRecord)
    async with get_client() as client:
        for rule in rules:
            with suppress(ObjectAlreadyExists):
                await client.create_block_document(RuleRecord.document(rule))


async def forget(rules: Iterable[BookRule]) -> None:
    """Remove rules; those that are gone already are no fault."""
    async with get_client() as client:
        for rule in rules:
            try:
                found = await client.read_block_document_by_name(name_of(rule), SLUG)
                await client.delete_block_document(found.id)
            except ObjectNotFound:
                continue


async def remember_answers(approval: Approval, target: Cloud, book: Book) -> None:
    """Keep what a person's answers say for the next machine."""
    await keep(learn(approval, target.translator(), book))


def name_of(rule: BookRule) -> str:
    """The document's name."""
    return f"rule-{rule.id}"


def _readable(documents: Iterable[Any]) -> Iterable[BookRule]:
    for document in documents:
        try:
            yield BookRule.model_validate(document.data.get("rule"))
        except ValidationError:
            get_logger("coldferry").warning("The document %s is no rule; left out.", document.name)


async def _held(client: PrefectClient) -> set[str] | None:
    if runtime.flow_run.id is None:
        return None
    try:
        return set(json.loads(await client.read_flow_run_input(_this_run(), _HELD)))
    except httpx.HTTPStatusError as error:
        if error.response.status_code != httpx.codes.NOT_FOUND:
            raise
        return None


def _this_run() -> UUID:
    return UUID(str(runtime.flow_run.id))
