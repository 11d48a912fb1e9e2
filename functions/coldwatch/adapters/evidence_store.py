"""Evidence and records of incidents in S3. The bucket keeps versions: nothing that is written again is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class S3EvidenceStore:
    """`ports.EvidenceStore`."""

    client: S3Client
    bucket: str

    def keep(self, key: str, content: bytes) -> None:
        self.client.put_object(
            Bucket=self.bucket, Key=key, Body=content, ContentType="application/json", ChecksumAlgorithm="SHA256"
        )
