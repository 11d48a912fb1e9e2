"""The stage: the local cloud as the demonstration uses it, through the operator's own command and boto3."""

import contextlib
import io
import json
import re
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from coldwatch_ops.accounts import Accounts, read_accounts
from coldwatch_ops.archive_query import ask_archive
from coldwatch_ops.connection import Target, open_stack
from coldwatch_ops.main import main as coldwatch
from coldwatch_ops.stack import Stack
from local.demo.responders import read_messages
from local.errors import LocalCloudError
from local.places import Places
from simulator.api import Claim

_ONE_AT_A_TIME = threading.Lock()
_TOKEN = re.compile(r"Token=([A-Za-z0-9-]+)")

SETTLES_WITHIN_S = 240.0
"""Generous: a slow machine must not look like a lost message."""


@dataclass(frozen=True)
class Stage:
    places: Places
    address: dict[str, Any]
    stack: Stack

    @classmethod
    def of(cls, places: Places) -> "Stage":
        address = json.loads(places.endpoints_file.read_text())
        target = Target(address["stack_name"], address["region"], address["endpoint_url"], is_local=True)
        return cls(places, address, open_stack(target))

    @property
    def broker(self) -> str:
        return f"{self.address['mqtt_host']}:{self.address['mqtt_port']}"

    @property
    def ca(self) -> Path:
        return Path(self.address["ca_file"])

    @property
    def inbox(self) -> Path:
        return Path(self.address["inbox_file"])

    def command(self, *words: str) -> Any:
        """Run the operator's command against this cloud: its JSON. Raises LocalCloudError when it fails.

        One at a time: several threads run commands, and each has the process's standard output while it runs.
        """
        options = ["--stack", self.stack.name, "--region", self.address["region"], "--json"]
        said = io.StringIO()
        with _ONE_AT_A_TIME, contextlib.redirect_stdout(said):
            code = coldwatch([*options, "--endpoint-url", self.address["endpoint_url"], *words])
        if code:
            raise LocalCloudError(f"coldwatch {' '.join(words)} ended with {code}: {said.getvalue()}")
        return json.loads(said.getvalue() or "null")

    def add_responder(self, contact_id: str, name: str) -> None:
        """A contact with a mail address that is confirmed by the token which arrives there."""
        address = f"{contact_id}@example.com"
        self.command("contacts", "add", contact_id, "--name", name, "--email", address)
        self.command("contacts", "confirm", self._confirmation(address))

    def _confirmation(self, address: str) -> str:
        deadline = time.monotonic() + SETTLES_WITHIN_S
        while time.monotonic() < deadline:
            for message in read_messages(self.inbox):
                if message["to"] == address and (token := _TOKEN.search(message["text"])):
                    return token[1]
            time.sleep(0.1)
        raise LocalCloudError(f"no mail that asks {address} to confirm has come")

    def incidents(self) -> list[dict[str, Any]]:
        """Every incident, each with its timeline."""
        found = self.command("incidents", "list", "--status", "all")["incidents"]
        return [self.command("incidents", "show", incident["incident_id"]) for incident in found]

    def claim(self, application: str, serials: Sequence[str]) -> Claim:
        """A claim certificate of an application, made as an operator makes one."""
        folder = self.places.folder / "claims" / application
        self.command("devices", "claim-certificate", "--application", application, "--out", str(folder))
        template = self.stack.output(f"{application.capitalize()}ProvisioningTemplateName")
        return Claim(template, folder / "certificate.pem", folder / "private.key", tuple(serials))

    def iam_is_enforced(self) -> bool:
        """Ask as somebody without any permission, and be refused."""
        iam = self._client("iam", "test", "test")
        name = f"nobody-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        try:
            self._client("dynamodb", key["AccessKeyId"], key["SecretAccessKey"]).scan(
                TableName=self.stack.output("ReadingTableName"), Limit=1
            )
        except ClientError as error:
            return error.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}
        finally:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
            iam.delete_user(UserName=name)
        return False

    def settled_accounts(self, published: int) -> Accounts:
        """The accounts once everything published has been counted, stored and archived, or after SETTLES_WITHIN_S."""
        deadline = time.monotonic() + SETTLES_WITHIN_S
        self.counted_accounts(published)
        while True:
            accounts = read_accounts(self.stack)
            if accounts.stored == accounts.archived == accounts.accepted or time.monotonic() > deadline:
                return accounts
            time.sleep(0.5)

    def counted_accounts(self, published: int) -> Accounts:
        """The accounts once everything published is judged, or after SETTLES_WITHIN_S; stores are not looked into."""
        deadline = time.monotonic() + SETTLES_WITHIN_S
        while True:
            accounts = read_accounts(self.stack, count_stored=False, count_archived=False)
            if accounts.published >= published or time.monotonic() > deadline:
                return accounts
            time.sleep(0.2)

    def recorded_readings(self, device_id: str, first_ms: int, last_ms: int) -> tuple[int, int]:
        """How many readings of a device's own time span are stored, and how many distinct ones are archived."""
        pages = (  # no query: for each of its pages the local cloud looks at all of the device's readings
            self._client("dynamodb", "test", "test")
            .get_paginator("scan")
            .paginate(
                TableName=self.stack.output("ReadingTableName"),
                FilterExpression="device_id = :device AND reading_key BETWEEN :first AND :last",
                ExpressionAttributeValues={
                    ":device": {"S": device_id},
                    ":first": {"S": f"{first_ms:013d}"},
                    ":last": {"S": f"{last_ms + 1:013d}"},
                },
                Select="COUNT",
            )
        )
        stored = sum(page["Count"] for page in pages)
        query = f"""
            SELECT count(DISTINCT reading_key) FROM "{self.stack.output("ReadingArchiveTableName")}"
            WHERE device_id = '{device_id}' AND "timestamp" BETWEEN {first_ms} AND {last_ms}"""  # noqa: S608 - our own names
        archived = ask_archive(self.stack, query, timeout_s=60, pause=time.sleep, clock=time.monotonic)
        return stored, int(archived)

    def _client(self, service: str, key: str, secret: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload] # the name is a variable; the result is used as Any
            endpoint_url=self.address["endpoint_url"],
            region_name=self.address["region"],
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )
