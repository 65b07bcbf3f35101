"""A bucket of moto's S3 and a container of Azurite, with the environment that reaches them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from azure.storage.blob import ContainerClient
from moto.server import ThreadedMotoServer

from providers.aws.bucket import S3Bucket
from providers.azure.container import BlobContainer
from sandbox.azure.azurite import Azurite, ensure_azurite
from sandbox.azure.server import default_azurite_cache
from tests.conformance.azure_rig import REPO_ROOT


@contextmanager
def an_s3_bucket() -> Iterator[S3Bucket]:
    """An empty one, by the SDK's default chain of this process."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("s3").create_bucket(Bucket="manifests")
        yield S3Bucket("manifests")
    server.stop()


@contextmanager
def a_blob_container(folder: Path) -> Iterator[BlobContainer]:
    """An empty one, by the account's key in this process's environment."""
    azurite = Azurite(ensure_azurite(default_azurite_cache(REPO_ROOT)), folder)
    azurite.start()
    url = f"{azurite.url}/manifests"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_STORAGE_KEY", azurite.key)
        ContainerClient.from_container_url(url, credential=azurite.key).create_container()
        yield BlobContainer(url)
    azurite.stop()
