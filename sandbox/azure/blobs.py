"""The page blobs behind disks and snapshots, and the SAS addresses to them.

Each disk is one blob ``abcd`` in a container of its own, as in Azure's own SAS
addresses. A grant is a stored access policy of that container, named in the
SAS as ``si``: deleting the policy ends the SAS at once, like ``endGetAccess``.

Source: "Create a service SAS" (version 2015-04-05 and later string-to-sign)
and "Define a stored access policy" of the Storage services REST reference.
"""

import base64
import datetime as dt
import hashlib
import hmac
import secrets
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from azure.storage.blob import (
    AccessPolicy,
    BlobClient,
    BlobSasPermissions,
    BlobServiceClient,
    ContainerClient,
    generate_blob_sas,
)

from sandbox.azure import vhd

BLOB = "abcd"
SAS_VERSION = "2018-03-28"
POLICIES_PER_CONTAINER = 5
_STEP = 4 * 1024 * 1024


@dataclass(frozen=True)
class Grant:
    """One SAS that was given out."""

    policy: str
    container: str
    permissions: str
    expires_at_s: float
    size_bytes: int
    needs_bearer: bool
    subject: str = ""
    """The name of the disk or snapshot that it leads to: what a fault may ask for."""
    family: str = ""
    """Of an incremental snapshot: the disk that it is of."""
    made: str = ""
    """When that snapshot was made."""

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return time.time() >= self.expires_at_s


class Blobs:
    """The blob store of one server."""

    def __init__(self, url: str, account: str, key: str, front: str) -> None:
        self.account = account
        self._key = key
        self._front = front
        self._service = BlobServiceClient(
            url, credential=key, retry_total=2, connection_timeout=5, read_timeout=60
        )
        self._lock = threading.Lock()
        self._grants: dict[str, Grant] = {}

    def create(self, size_bytes: int) -> str:
        """Make an empty page blob; answers the name of its container."""
        container = f"md{secrets.token_hex(8)}"
        client = self._service.create_container(container)
        client.get_blob_client(BLOB).create_page_blob(size_bytes)
        return container

    def create_vhd(self, size_bytes: int) -> str:
        """Make an empty fixed VHD for a disk of ``size_bytes``."""
        container = self.create(size_bytes + vhd.FOOTER_BYTES)
        self._put_footer(container, size_bytes)
        return container

    def copy(self, container: str) -> str:
        """Copy a blob into a new container inside the store."""
        source = self._blob(container)
        token = generate_blob_sas(
            self.account,
            container,
            BLOB,
            account_key=self._key,
            permission=BlobSasPermissions(read=True),
            expiry=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1),
        )
        target = f"md{secrets.token_hex(8)}"
        self._service.create_container(target)
        self._blob(target).start_copy_from_url(f"{source.url}?{token}", requires_sync=False)
        return target

    def grow(self, container: str, old_size_bytes: int, new_size_bytes: int) -> None:
        """Make the disk in a VHD larger: the footer moves to the new end."""
        blob = self._blob(container)
        blob.resize_blob(new_size_bytes + vhd.FOOTER_BYTES)
        blob.clear_page(offset=old_size_bytes, length=vhd.FOOTER_BYTES)
        self._put_footer(container, new_size_bytes)

    def footer(self, container: str, size_bytes: int) -> bytes:
        """The last 512 bytes of the VHD of a disk of ``size_bytes``."""
        stream = self._blob(container).download_blob(offset=size_bytes, length=vhd.FOOTER_BYTES)
        return bytes(stream.readall())

    def damage(self, container: str, offset: int) -> None:
        """Alter one stored byte, as a failing disk would."""
        blob, page = self._blob(container), offset // 512 * 512
        found = bytearray(blob.download_blob(offset=page, length=512).readall())
        found[offset - page] ^= 1
        blob.upload_page(bytes(found), offset=page, length=512)

    def save(self, container: str, size_bytes: int, path: Path) -> None:
        """Write the disk in a VHD to a file; pages that were never put stay holes."""
        blob = self._blob(container)
        with path.open("wb") as file:
            file.truncate(size_bytes)
            for page in blob.list_page_ranges(offset=0, length=size_bytes):
                if page.cleared:
                    continue
                start, end = int(page.start or 0), int(page.end or 0) + 1
                file.seek(start)
                blob.download_blob(offset=start, length=min(end, size_bytes) - start).readinto(file)

    def put_text(self, container: str, text: str) -> None:
        """Keep a text as the blob of a container of its own."""
        client = self._container(container)
        if not client.exists():
            client.create_container()
        client.upload_blob(BLOB, text.encode(), overwrite=True)

    def write(self, container: str, offset: int, data: bytes) -> None:
        """Write whole pages, as the disk's guest would; zeros free theirs."""
        self._part(container)
        if data != bytes(len(data)):
            self._blob(container).upload_page(data, offset=offset, length=len(data))
        else:
            self._blob(container).clear_page(offset=offset, length=len(data))

    def ranges(self, container: str, offset: int, length: int) -> list[tuple[int, int]]:
        """``(start, stop)`` of the valid pages in a window, as the store lists them."""
        found = self._blob(container).list_page_ranges(offset=offset, length=length)
        return [(int(row.start or 0), int(row.end or 0) + 1) for row in found]

    def read(self, container: str, offset: int, length: int) -> bytes:
        """Stored bytes."""
        stream = self._blob(container).download_blob(offset=offset, length=length)
        return bytes(stream.readall())

    def delete(self, container: str) -> None:
        """Forget a blob and every SAS to it."""
        self.revoke(container)
        self._service.delete_container(container)

    def grant(
        self,
        container: str,
        permissions: str,
        duration_s: int,
        size_bytes: int,
        needs_bearer: bool,
        subject: str = "",
        family: str = "",
        made: str = "",
    ) -> str:
        """Give out a SAS; earlier ones to the same blob go on working until they end.

        Azure does not say whether a second grant ends the first. Here it does
        not, but for the five policies a container can hold.
        """
        policy = str(uuid.uuid4())
        with self._lock:
            expires_at_s = time.time() + duration_s
            self._grants[policy] = Grant(
                policy, container, permissions, expires_at_s, size_bytes, needs_bearer, subject,
                family, made,
            )  # fmt: skip
            held = [grant for grant in self._grants.values() if grant.container == container]
            for oldest in held[:-POLICIES_PER_CONTAINER]:
                del self._grants[oldest.policy]
            self._set_policies(container)
        return self._address(container, policy)

    def revoke(self, container: str) -> None:
        """End every SAS to the blob."""
        with self._lock:
            held = [grant for grant in self._grants.values() if grant.container == container]
            for grant in held:
                del self._grants[grant.policy]
            if held:
                self._set_policies(container)

    def find_grant(self, policy: str) -> Grant | None:
        """The SAS that names this policy."""
        with self._lock:
            return self._grants.get(policy)

    def _part(self, container: str) -> None:
        """Write a blob anew, so that it shares nothing with its copies.

        Azurite 3.37 gives a copy its source's own list of pages: a write to either changes both.
        """
        blob = self._blob(container)
        size_bytes = int(blob.get_blob_properties().size)
        held = {
            at: self.read(container, at, min(_STEP, stop - at))
            for start, stop in self.ranges(container, 0, size_bytes)
            for at in range(start, stop, _STEP)
        }
        blob.create_page_blob(size_bytes)
        for at, data in held.items():
            blob.upload_page(data, offset=at, length=len(data))

    def _set_policies(self, container: str) -> None:
        policies = {
            grant.policy: AccessPolicy(
                permission=grant.permissions,
                # The front enforces the second itself; Azurite gets it rounded up.
                expiry=dt.datetime.fromtimestamp(grant.expires_at_s + 1, dt.UTC),
            )
            for grant in self._grants.values()
            if grant.container == container
        }
        self._container(container).set_container_access_policy(policies)

    def _address(self, container: str, policy: str) -> str:
        # With "si" the string-to-sign has no permissions, no start and no expiry.
        resource = f"/blob/{self.account}/{container}/{BLOB}"
        signed = ["", "", "", resource, policy, "", "", SAS_VERSION, "", "", "", "", ""]
        digest = hmac.new(
            base64.b64decode(self._key), "\n".join(signed).encode(), hashlib.sha256
        ).digest()
        query = {
            "sv": SAS_VERSION,
            "sr": "b",
            "si": policy,
            "sig": base64.b64encode(digest).decode(),
        }
        return f"{self._front}/{self.account}/{container}/{BLOB}?{urlencode(query)}"

    def _put_footer(self, container: str, size_bytes: int) -> None:
        self._blob(container).upload_page(
            vhd.fixed_footer(size_bytes), offset=size_bytes, length=vhd.FOOTER_BYTES
        )

    def _container(self, container: str) -> ContainerClient:
        return self._service.get_container_client(container)

    def _blob(self, container: str) -> BlobClient:
        return self._service.get_blob_client(container, BLOB)
