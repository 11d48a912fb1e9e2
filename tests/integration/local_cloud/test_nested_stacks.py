"""Nested stacks on the local cloud. docs/local-cloud/firehose-and-metrics.md has AWS's pages."""

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import WaiterError

from tests.integration.local_cloud.devices import client, unique

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

pytestmark = pytest.mark.cloud

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
HANDLER = "import os\n\n\ndef handler(event, context):\n    return {'word': os.environ['WORD'], 'event': event}\n"


@pytest.fixture(scope="module")
def bucket(mended_cloud: "MendedCloud") -> str:
    name = unique("templates").replace("_", "-")
    location = {"LocationConstraint": mended_cloud.region}
    client(mended_cloud, "s3").create_bucket(Bucket=name, CreateBucketConfiguration=location)
    return name


def child(bucket: str) -> dict[str, Any]:
    return {
        "Transform": "AWS::Serverless-2016-10-31",
        "Parameters": {"Word": {"Type": "String"}},
        "Resources": {
            "AnswerFunction": {
                "Type": "AWS::Serverless::Function",
                "Properties": {
                    "Runtime": "python3.13",
                    "Handler": "index.handler",
                    "CodeUri": {"Bucket": bucket, "Key": "answer.zip"},
                    "Environment": {"Variables": {"WORD": {"Ref": "Word"}}},
                },
            }
        },
        "Outputs": {"Name": {"Value": {"Ref": "AnswerFunction"}}},
    }


def parent(url: str, word: str) -> str:
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url, "Parameters": {"Word": word}}}
    name = {"Value": {"Fn::GetAtt": ["Child", "Outputs.Name"]}}
    return json.dumps({"Resources": {"Child": nested}, "Outputs": {"Name": name}})


def store(cloud: "MendedCloud", bucket: str, template: dict[str, Any]) -> str:
    """The template's URL, its function's code beside it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", HANDLER)
    s3, key = client(cloud, "s3"), f"{unique('child')}.template"
    s3.put_object(Bucket=bucket, Key="answer.zip", Body=packed.getvalue())
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(template).encode())
    return f"https://s3.{cloud.region}.amazonaws.com/{bucket}/{key}"


def answer(cloud: "MendedCloud", stack: str) -> Any:
    outputs = client(cloud, "cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    function = client(cloud, "lambda").invoke(FunctionName=outputs[0]["OutputValue"], Payload=b'{"n": 1}')
    return json.load(function["Payload"])


def test_a_function_of_a_nested_sam_template_answers_and_is_updated(mended_cloud: "MendedCloud", bucket: str) -> None:
    cloudformation, stack = client(mended_cloud, "cloudformation"), unique("parent").replace("_", "-")
    url = store(mended_cloud, bucket, child(bucket))

    cloudformation.create_stack(StackName=stack, TemplateBody=parent(url, "first"), Capabilities=CAPABILITIES)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    assert answer(mended_cloud, stack) == {"word": "first", "event": {"n": 1}}

    cloudformation.update_stack(StackName=stack, TemplateBody=parent(url, "second"), Capabilities=CAPABILITIES)
    cloudformation.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    assert answer(mended_cloud, stack) == {"word": "second", "event": {"n": 1}}


def test_a_parent_with_a_nested_macro_must_acknowledge_that_it_expands(
    mended_cloud: "MendedCloud", bucket: str
) -> None:
    cloudformation, stack = client(mended_cloud, "cloudformation"), unique("parent").replace("_", "-")
    url = store(mended_cloud, bucket, child(bucket))

    cloudformation.create_stack(StackName=stack, TemplateBody=parent(url, "x"), Capabilities=["CAPABILITY_IAM"])

    with pytest.raises(WaiterError):
        cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    reasons = [
        event.get("ResourceStatusReason", "")
        for event in cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    ]
    assert any("CAPABILITY_AUTO_EXPAND" in reason for reason in reasons)
