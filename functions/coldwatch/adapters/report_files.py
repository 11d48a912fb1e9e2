"""Reports of incidents, read from the bucket that they are kept in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ABSENT = {"NoSuchKey", "AccessDenied"}
"""Whoever may not list a bucket is told the latter of what is not there."""


@dataclass(frozen=True, slots=True)
class S3Reports:
    """`ports.Reports`."""

    client: S3Client
    bucket: str

    def find(self, incident_id: str) -> bytes | None:
        try:
            found = self.client.get_object(Bucket=self.bucket, Key=f"incidents/{incident_id}/report.pdf")
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return None
            raise
        return found["Body"].read()
