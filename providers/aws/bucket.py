"""Objects of S3, written only in place of what is known to be there.

Sources: "How to prevent object overwrites with conditional writes" of the
Amazon S3 user guide (If-None-Match, If-Match; 412 when another object is
there, 409 when two writes cross, 404 when the object to replace is gone);
PutObject and ListObjectsV2 of the S3 API reference.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from coldferry.errors import ColdferryError, Gone
from coldferry.manifest_bucket import Object
from providers.aws.client import speaking

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_NONE_THERE = ("NoSuchKey", "404")
_OTHER_THERE = (
    "PreconditionFailed",
    "ConditionalRequestConflict",
    "412",
    "409",
    *_NONE_THERE,
)


def _meaning(error: type[ColdferryError], *codes: str) -> dict[str, ColdferryError]:
    return {code: error("S3 has another object there, or none.") for code in codes}


class S3Bucket:
    """See :class:`coldferry.manifest_bucket.Bucket`; credentials are the SDK's default chain's."""

    def __init__(self, bucket: str) -> None:
        self.name = f"s3://{bucket}"
        self._bucket = bucket

    def list(self, prefix: str) -> list[str]:
        with speaking("s3:ListBucket", self.name):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix
            )
            return sorted(found["Key"] for page in pages for found in page.get("Contents", ()))

    def get(self, name: str) -> Object | None:
        try:
            with speaking("s3:GetObject", f"{self.name}/{name}", _meaning(Gone, *_NONE_THERE)):
                found = self._client.get_object(Bucket=self._bucket, Key=name)
                return Object(found["Body"].read(), found["ETag"])
        except Gone:
            return None

    def put(self, name: str, data: bytes, tag: str | None) -> str | None:
        condition: Any = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
        try:
            with speaking("s3:PutObject", f"{self.name}/{name}", _meaning(Gone, *_OTHER_THERE)):
                return self._client.put_object(
                    Bucket=self._bucket, Key=name, Body=data, **condition
                )["ETag"]
        except Gone:
            return None

    def delete(self, name: str) -> None:
        with speaking("s3:DeleteObject", f"{self.name}/{name}"):
            self._client.delete_object(Bucket=self._bucket, Key=name)

    @cached_property
    def _client(self) -> "S3Client":
        import boto3

        with speaking("s3:ListBucket", self.name):
            return boto3.client("s3")
