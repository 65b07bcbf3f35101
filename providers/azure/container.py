"""Block blobs of a container, written only in place of what is known to be there.

Sources: "Specifying conditional headers for Blob service operations" (412 when
another blob is there, 409 when one is and none should be); "Put Blob", "List
Blobs".
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from coldferry.errors import BadInput, ColdferryError, Conflict, Denied, ProviderError, Transient
from coldferry.manifest_bucket import Object

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError
    from azure.storage.blob import ContainerClient

_OTHER_THERE = frozenset({404, 409, 412})


class BlobContainer:
    """See :class:`coldferry.manifest_bucket.Bucket`; credentials are the SDK's default chain's."""

    def __init__(self, url: str) -> None:
        self.name = url
        self._url = url

    def list(self, prefix: str) -> list[str]:
        with _speaking("list blobs of", self.name):
            return sorted(self._client.list_blob_names(name_starts_with=prefix))

    def get(self, name: str) -> Object | None:
        from azure.core.exceptions import ResourceNotFoundError

        with _speaking("read", f"{self.name}/{name}"):
            try:
                found = self._client.download_blob(name)
                return Object(found.readall(), str(found.properties.etag))
            except ResourceNotFoundError:
                return None

    def put(self, name: str, data: bytes, tag: str | None) -> str | None:
        from azure.core import MatchConditions
        from azure.core.exceptions import HttpResponseError

        with _speaking("write", f"{self.name}/{name}"):
            try:
                if tag is None:
                    blob = self._client.upload_blob(name, data, overwrite=False)
                    return str(blob.get_blob_properties().etag)
                written = self._client.get_blob_client(name).upload_blob(
                    data, overwrite=True, etag=tag, match_condition=MatchConditions.IfNotModified
                )
                return str(written["etag"])
            except HttpResponseError as error:
                if error.status_code in _OTHER_THERE:
                    return None
                raise

    def delete(self, name: str) -> None:
        from azure.core.exceptions import ResourceNotFoundError

        with _speaking("delete", f"{self.name}/{name}"):
            try:
                self._client.delete_blob(name)
            except ResourceNotFoundError:
                return

    @cached_property
    def _client(self) -> "ContainerClient":
        from azure.storage.blob import ContainerClient

        return ContainerClient.from_container_url(self._url, credential=_credential(self._url))


def _credential(url: str) -> Any:
    """What the environment gives for that account; the default chain otherwise."""
    from azure.identity import DefaultAzureCredential

    if key := os.environ.get("AZURE_STORAGE_KEY"):
        return key
    if urlsplit(url).scheme != "https":
        raise BadInput(
            f"{url} is not reached by TLS: a token would be sent in the clear.",
            "Give an https address.",
        )
    return DefaultAzureCredential()


@contextmanager
def _speaking(doing: str, subject: str) -> Iterator[None]:
    from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

    try:
        yield
    except ClientAuthenticationError:
        raise Denied(
            f"Azure knows no identity here that may {doing} {subject}.",
            "Give the worker an identity with the role Storage Blob Data Contributor.",
        ) from None
    except HttpResponseError as error:
        raise _refusal(error, doing, subject) from None
    except AzureError as error:
        raise Transient(
            f"Azure does not answer when asked to {doing} {subject} ({type(error).__name__})."
        ) from None


def _refusal(error: "HttpResponseError", doing: str, subject: str) -> ColdferryError:
    status, code = error.status_code or 0, str(getattr(error, "error_code", None) or "")
    what = f"Azure refuses to {doing} {subject} ({code or status})."
    if status in (401, 403):
        return Denied(what, "Give the worker's identity the role Storage Blob Data Contributor.")
    if status in (408, 429) or status >= 500:
        return Transient(what)
    if status == 409:
        return Conflict(what, "Wait, then run the same command again.")
    return ProviderError(what, "Check that the container is there and is named right.")
