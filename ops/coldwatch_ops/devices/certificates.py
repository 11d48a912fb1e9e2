"""Certificates: retiring a device's own, and making the one that a production line claims with."""

import os
from dataclasses import dataclass
from pathlib import Path

from coldwatch_ops.aws_errors import aws_exceptions, error_code
from coldwatch_ops.errors import RefusedError
from coldwatch_ops.stack import Stack

CERTIFICATE_FILE = "certificate.pem"
KEY_FILE = "private.key"


def certificate_id_of(principal: str) -> str | None:
    """The id at the end of `arn:...:cert/{id}`; None for a principal that is no certificate."""
    kind, _, certificate_id = principal.rpartition(":")[2].partition("/")
    return certificate_id if kind == "cert" else None


def retire(stack: Stack, thing: str, *, known: str) -> tuple[str, ...]:
    """Make every certificate of the thing INACTIVE and take it off the thing; AWS IoT then ends its connections.

    The device policy stays attached: an inactive certificate cannot use it, and `coldwatch teardown` finds the
    certificate by it. `known` is a certificate that the thing is believed to have.
    """
    principals = {
        arn: certificate_id for arn in _principals(stack, thing) if (certificate_id := certificate_id_of(arn))
    }
    for arn, certificate_id in principals.items():
        stack.clients.iot.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")
        stack.clients.iot.detach_thing_principal(thingName=thing, principal=arn)
    retired = dict.fromkeys(principals.values())
    if known not in retired and _deactivate(stack, known):
        retired[known] = None
    return tuple(retired)


def _principals(stack: Stack, thing: str) -> list[str]:
    try:
        pages = stack.clients.iot.get_paginator("list_thing_principals").paginate(thingName=thing)
        return [principal for page in pages for principal in page["principals"]]
    except aws_exceptions() as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        return []  # the thing itself has been deleted


def _deactivate(stack: Stack, certificate_id: str) -> bool:
    """False when there is no such certificate any more."""
    try:
        stack.clients.iot.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")
    except aws_exceptions() as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        return False
    return True


@dataclass(frozen=True)
class ClaimCertificate:
    certificate_id: str
    certificate_file: str
    key_file: str


def make_claim_certificate(stack: Stack, application: str, folder: Path) -> ClaimCertificate:
    """A certificate that may do nothing but claim, and its key as files that were not there before.

    When the files cannot be written the certificate is deleted again: its key is told once and never more.
    """
    policy = stack.output(f"{application.title()}ClaimPolicyName")
    certificate_path, key_path = folder / CERTIFICATE_FILE, folder / KEY_FILE
    _refuse_existing(certificate_path, key_path)
    _make_folder(folder)
    made = stack.clients.iot.create_keys_and_certificate(setAsActive=True)
    try:
        stack.clients.iot.attach_policy(policyName=policy, target=made["certificateArn"])
        _write_new(key_path, made["keyPair"]["PrivateKey"], mode=0o600)
        _write_new(certificate_path, made["certificatePem"], mode=0o644)
    except BaseException:
        _undo(stack, made["certificateId"], key_path, certificate_path)
        raise
    return ClaimCertificate(made["certificateId"], str(certificate_path), str(key_path))


def _refuse_existing(*paths: Path) -> None:
    for path in paths:
        if path.exists():
            raise RefusedError(f"{path} is there already and is not overwritten. Name another folder with --out.")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RefusedError(f"{folder} cannot be made: {error.strerror}.") from None


def _write_new(path: Path, text: str, *, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
    except OSError as error:
        raise RefusedError(f"{path} cannot be written: {error.strerror}.") from None


def _undo(stack: Stack, certificate_id: str, *paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)  # neither was there before
    stack.clients.iot.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")
    stack.clients.iot.delete_certificate(certificateId=certificate_id, forceDelete=True)
