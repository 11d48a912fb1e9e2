"""Roles that a test takes on, as a function takes on its own."""

import json
from typing import TYPE_CHECKING, Any

import boto3

from tests.integration.local_cloud.devices import client, unique

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud


class Session:
    """A session of a new role that may do each (action, resource); `Sid`s are `Allowed0`, `Allowed1`, ..."""

    def __init__(self, cloud: "MendedCloud", *allowed: tuple[str, str], path: str = "/") -> None:
        iam, self._cloud, self.name = client(cloud, "iam"), cloud, unique("role")
        trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        role = iam.create_role(RoleName=self.name, Path=path, AssumeRolePolicyDocument=_document(trust))["Role"]
        self.role_arn = str(role["Arn"])
        statements = [
            {"Sid": f"Allowed{number}", "Effect": "Allow", "Action": action, "Resource": resource}
            for number, (action, resource) in enumerate(allowed)
        ]
        iam.put_role_policy(RoleName=self.name, PolicyName="own", PolicyDocument=_document(*statements))
        assumed = client(cloud, "sts").assume_role(RoleArn=self.role_arn, RoleSessionName="test")
        self._credentials = assumed["Credentials"]

    def client(self, service: str) -> Any:
        session: Any = boto3.Session(
            self._credentials["AccessKeyId"],
            self._credentials["SecretAccessKey"],
            self._credentials["SessionToken"],
            region_name=self._cloud.region,
        )
        return session.client(service, endpoint_url=self._cloud.endpoint)


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
