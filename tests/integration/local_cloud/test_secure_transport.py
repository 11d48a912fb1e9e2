"""A bucket that demands TLS is usable over loopback, and only by whom IAM lets in."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from .conftest import MendedCloud

pytestmark = pytest.mark.cloud

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["arn:aws:s3:::tls-only", "arn:aws:s3:::tls-only/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ],
}


def test_a_bucket_that_demands_tls_takes_objects_over_loopback(mended_cloud: MendedCloud) -> None:
    root = boto3.Session("test", "test", region_name=mended_cloud.region)
    iam = root.client("iam", endpoint_url=mended_cloud.endpoint)
    s3 = root.client("s3", endpoint_url=mended_cloud.endpoint)
    s3.create_bucket(Bucket="tls-only", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_policy(Bucket="tls-only", Policy=json.dumps(POLICY))
    iam.create_user(UserName="writer")
    key = iam.create_access_key(UserName="writer")["AccessKey"]
    writer = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=mended_cloud.region).client(
        "s3", endpoint_url=mended_cloud.endpoint
    )

    with pytest.raises(ClientError, match="AccessDenied"):
        writer.put_object(Bucket="tls-only", Key="a", Body=b"1")
    allow = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::tls-only/*"}
    iam.put_user_policy(
        UserName="writer",
        PolicyName="write",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    )

    writer.put_object(Bucket="tls-only", Key="a", Body=b"1")
    assert s3.get_object(Bucket="tls-only", Key="a")["Body"].read() == b"1"
