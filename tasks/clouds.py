"""The block that holds a cloud's credentials, as the run form's picker shows it.

One class with a provider field: a class for each cloud makes the parameter a
union, and Prefect's form then shows type tabs instead of one list.
"""

import functools
from copy import deepcopy
from typing import Any, ClassVar, cast

from prefect.blocks.core import Block
from pydantic import SerializationInfo, SerializerFunctionWrapHandler, model_serializer

from coldferry.ports import Machines, Source, Target, Translator
from providers.registry import (
    Access,
    connect,
    connect_source,
    connect_target,
    connect_translator,
)

SLUG = "coldferry-cloud"


class Cloud(Access, Block):
    """A cloud that machines are moved from or to."""

    _block_type_name: ClassVar[str | None] = "Coldferry cloud"
    _block_type_slug: ClassVar[str | None] = SLUG
    _description: ClassVar[str | None] = "A cloud that machines are moved from or to."

    @model_serializer(mode="wrap")
    def ser_model(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
        """A saved block is a reference wherever it is written, but in its own document.

        Prefect would write the fields of a directly called flow's block
        parameters, masked where they are secret, into the run's parameters.
        """
        saving = bool(info.context and info.context.get("include_secrets"))
        if self._block_document_id is not None and not saving:
            return {"$ref": {"block_document_id": str(self._block_document_id)}}
        return Block.ser_model(self, handler, info)

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        """Made once: Prefect asks for it with each field, which takes 40 ms of CPU a block."""
        return deepcopy(cls._schema(*args, **options))

    @classmethod
    @functools.cache
    def _schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        return super().model_json_schema(*args, **options)

    def access(self) -> Access:
        """The settings alone."""
        return Access(**{name: getattr(self, name) for name in Access.model_fields})

    def machines(self) -> Machines:
        """This cloud as one whose machines can be described."""
        return connect(self.access())

    def source(self) -> Source:
        """This cloud as a source."""
        return connect_source(self.access())

    def translator(self) -> Translator:
        """This cloud as one that says what it would make of a machine."""
        return connect_translator(self.access())

    def target(self) -> Target:
        """This cloud as a target."""
        return connect_target(self.access())


def load(reference: str) -> Cloud:
    """The saved block of that name (``coldferry-cloud/NAME``). Raises ValueError when none is."""
    loaded = Cloud.load(reference.partition("/")[2])
    return cast("Cloud", loaded)
