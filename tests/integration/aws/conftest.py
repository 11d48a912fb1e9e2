"""moto in place of AWS; credentials that are good for nothing."""

from collections.abc import Iterator

import pytest

from tests.integration.aws.stack import ENVIRONMENT, REGION, AwsStack, aws_stack


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
    for name, value in (credentials | ENVIRONMENT).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def aws() -> Iterator[AwsStack]:
    with aws_stack() as stack:
        yield stack
