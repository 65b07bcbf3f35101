"""azure-storage-blob's own upload of a page blob, as its documentation shows it: a peer.

``BENCH_TARGET=URL python sdk_upload.py FILE``
"""

import os
import sys
from pathlib import Path

from azure.storage.blob import BlobClient

if __name__ == "__main__":
    path = Path(sys.argv[1])
    client = BlobClient.from_blob_url(os.environ["BENCH_TARGET"])
    with path.open("rb") as file:
        client.upload_blob(
            file, blob_type="PageBlob", length=path.stat().st_size, max_concurrency=8
        )
