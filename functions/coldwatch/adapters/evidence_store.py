"""Evidence, records and reports of incidents in S3. The bucket keeps versions: nothing that is written again is lost.

Each object goes with its SHA-256, which a bucket with Object Lock asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from coldwatch.reports.manifest import Found

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MISSING = {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed"}
"""S3 API reference, GetObject: the last one is said of a version that is a deletion."""


@dataclass(frozen=True, slots=True)
class S3EvidenceStore:
    """`incidents.ports.EvidenceStore` and `reports.filing.Objects`."""

    client: S3Client
    bucket: str

    def keep(self, key: str, content: bytes, content_type: str = "application/json") -> str | None:
        kept = self.client.put_object(
            Bucket=self.bucket, Key=key, Body=content, ContentType=content_type, ChecksumAlgorithm="SHA256"
        )
        return kept.get("VersionId")

    def read(self, key: str, version_id: str | None = None) -> Found | None:
        asked: dict[str, Any] = {"Bucket": self.bucket, "Key": key}
        if version_id is not None:
            asked["VersionId"] = version_id
        try:
            answer = self.client.get_object(**asked)
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise
        return Found(answer["Body"].read(), answer.get("VersionId"))
