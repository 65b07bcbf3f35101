"""Where manifests are kept, as ``COLDFERRY_MANIFESTS`` says."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from coldferry.errors import BadInput
from coldferry.home import folder
from coldferry.manifest_bucket import BucketFolder
from coldferry.manifest_folder import Directory, Folder

VARIABLE = "COLDFERRY_MANIFESTS"
_DO = "Give a folder's absolute path, s3://BUCKET/PREFIX or https://ACCOUNT/CONTAINER/PREFIX."


def open_folder() -> Folder:
    """The folder of all manifests: in the home unless the variable names another.

    ``s3://BUCKET/PREFIX``, the address of a blob container and a prefix in it,
    or a folder's path; the prefix may be left out. Raises BadInput for
    anything else.
    """
    named = os.environ.get(VARIABLE, "")
    if not named:
        return Directory(folder("manifests"))
    address = urlsplit(named)
    if address.username or address.password or address.query or address.fragment:
        raise BadInput(f"{VARIABLE} holds more than an address: a signature, or a name.", _DO)
    parts = [part for part in address.path.split("/") if part]
    if address.scheme == "s3" and address.netloc:
        from providers.aws.bucket import S3Bucket

        return BucketFolder(S3Bucket(address.netloc), "/".join(parts))
    if address.scheme in ("http", "https") and address.netloc:
        # Emulators have the account in the path: "Use the Azurite emulator", IP-style addresses.
        local = (address.hostname or "") in ("localhost", "127.0.0.1")
        count = 2 if local else 1
        if len(parts) >= count:
            from providers.azure.container import BlobContainer

            container = f"{address.scheme}://{address.netloc}/{'/'.join(parts[:count])}"
            return BucketFolder(BlobContainer(container), "/".join(parts[count:]))
    if named.startswith("/"):
        return Directory(Path(named))
    raise BadInput(f"{VARIABLE} is {named!r}, which names no place for manifests.", _DO)
