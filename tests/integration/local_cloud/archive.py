"""An archive as Coldwatch makes one, for tests against the running local cloud: bucket, Glue table, delivery stream."""

import json
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.integration.local_cloud.devices import Roles, client, unique

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

COLUMNS = (
    ("device_id", "string"),
    ("reading_key", "string"),
    ("timestamp", "bigint"),
    ("temp_c", "double"),
    ("door_open", "boolean"),
    ("metadata", "string"),
)
PARQUET = "org.apache.hadoop.hive.ql.io.parquet"
STACK = {
    "Resources": {
        "Database": {
            "Type": "AWS::Glue::Database",
            "Properties": {
                "CatalogId": {"Ref": "AWS::AccountId"},
                "DatabaseInput": {"Name": {"Ref": "AWS::StackName"}},
            },
        },
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Results": {"Type": "AWS::S3::Bucket"},
        "Table": {
            "Type": "AWS::Glue::Table",
            "Properties": {
                "CatalogId": {"Ref": "AWS::AccountId"},
                "DatabaseName": {"Ref": "Database"},
                "TableInput": {
                    "Name": "readings",
                    "TableType": "EXTERNAL_TABLE",
                    "Parameters": {
                        "classification": "parquet",
                        "projection.enabled": "true",
                        "projection.application.type": "enum",
                        "projection.application.values": "coldchain,factory",
                        "projection.day.type": "date",
                        "projection.day.format": "yyyy-MM-dd",
                        "projection.day.range": "2010-01-01,NOW+1DAYS",
                        "storage.location.template": {
                            "Fn::Sub": "s3://${Bucket}/telemetry/application=${!application}/day=${!day}/"
                        },
                    },
                    "PartitionKeys": [{"Name": "application", "Type": "string"}, {"Name": "day", "Type": "string"}],
                    "StorageDescriptor": {
                        "Location": {"Fn::Sub": "s3://${Bucket}/telemetry/"},
                        "InputFormat": f"{PARQUET}.MapredParquetInputFormat",
                        "OutputFormat": f"{PARQUET}.MapredParquetOutputFormat",
                        "SerdeInfo": {"SerializationLibrary": f"{PARQUET}.serde.ParquetHiveSerDe"},
                        "Columns": [{"Name": name, "Type": kind} for name, kind in COLUMNS],
                    },
                },
            },
        },
        "WorkGroup": {
            "Type": "AWS::Athena::WorkGroup",
            "Properties": {
                "Name": {"Ref": "AWS::StackName"},
                "RecursiveDeleteOption": True,
                "WorkGroupConfiguration": {
                    "ResultConfiguration": {"OutputLocation": {"Fn::Sub": "s3://${Results}/results/"}}
                },
            },
        },
    },
    "Outputs": {"Bucket": {"Value": {"Ref": "Bucket"}}, "Results": {"Value": {"Ref": "Results"}}},
}


@dataclass(frozen=True, slots=True)
class Archive:
    """Where readings go, and the delivery stream that carries them there."""

    cloud: "MendedCloud"
    name: str
    """Of the stack, the database and the workgroup; the table is `readings`."""
    bucket: str
    role_arn: str
    stream: str

    def put(self, *records: bytes) -> None:
        """PutRecordBatch, 500 records at a time; every record must be accepted."""
        firehose = client(self.cloud, "firehose")
        for start in range(0, len(records), 500):
            batch = [{"Data": record} for record in records[start : start + 500]]
            answer = firehose.put_record_batch(DeliveryStreamName=self.stream, Records=batch)
            assert answer["FailedPutCount"] == 0, answer

    def keys(self, prefix: str) -> list[str]:
        pages = client(self.cloud, "s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def read(self, key: str) -> bytes:
        return bytes(client(self.cloud, "s3").get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def query(self, sql: str) -> list[list[str]]:
        """The rows that Athena answers, without the header."""
        athena = client(self.cloud, "athena")
        execution = athena.start_query_execution(
            QueryString=sql, WorkGroup=self.name, QueryExecutionContext={"Database": self.name}
        )["QueryExecutionId"]
        while (state := self._state(athena, execution))["State"] in {"QUEUED", "RUNNING"}:
            time.sleep(0.05)
        assert state["State"] == "SUCCEEDED", state
        rows = athena.get_query_results(QueryExecutionId=execution)["ResultSet"]["Rows"][1:]
        return [[cell.get("VarCharValue", "") for cell in row["Data"]] for row in rows]

    @staticmethod
    def _state(athena: Any, execution: str) -> dict[str, Any]:
        status: dict[str, Any] = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
        return status

    def distinct_keys(self, where: str = "true") -> int:
        counted = f"SELECT count(DISTINCT concat(device_id, '/', reading_key)) FROM readings WHERE {where}"
        return int(self.query(counted)[0][0])


def make_archive(cloud: "MendedCloud", *allowed: tuple[str, str]) -> Archive:
    """An archive whose delivery role may do each (action, resource); `{bucket}` in a resource is the bucket's name."""
    cloudformation, name = client(cloud, "cloudformation"), unique("archive").replace("_", "-")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(STACK))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    outputs = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    bucket = next(output["OutputValue"] for output in outputs if output["OutputKey"] == "Bucket")
    grants = [(action, resource.replace("{bucket}", bucket)) for action, resource in allowed]
    role = Roles(cloud).create(*grants, service="firehose.amazonaws.com")
    archive = Archive(cloud, name, bucket, role, f"{name}-delivery")
    client(cloud, "firehose").create_delivery_stream(
        DeliveryStreamName=archive.stream,
        DeliveryStreamType="DirectPut",
        ExtendedS3DestinationConfiguration=_destination(archive),
    )
    return archive


def _destination(archive: Archive) -> dict[str, Any]:
    query = {"ParameterName": "MetadataExtractionQuery", "ParameterValue": "{application:.application,day:.day}"}
    engine = {"ParameterName": "JsonParsingEngine", "ParameterValue": "JQ-1.6"}
    return {
        "BucketARN": f"arn:aws:s3:::{archive.bucket}",
        "RoleARN": archive.role_arn,
        "Prefix": "telemetry/application=!{partitionKeyFromQuery:application}/day=!{partitionKeyFromQuery:day}/",
        "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
        "BufferingHints": {"IntervalInSeconds": 60, "SizeInMBs": 64},
        "DynamicPartitioningConfiguration": {"Enabled": True},
        "ProcessingConfiguration": {
            "Enabled": True,
            "Processors": [{"Type": "MetadataExtraction", "Parameters": [query, engine]}],
        },
        "DataFormatConversionConfiguration": {
            "Enabled": True,
            "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
            "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {"Compression": "SNAPPY"}}},
            "SchemaConfiguration": {
                "DatabaseName": archive.name,
                "TableName": "readings",
                "Region": archive.cloud.region,
                "RoleARN": archive.role_arn,
                "VersionId": "LATEST",
            },
        },
    }


def reading(number: int, *, day: str = "2013-12-01", application: str = "coldchain", **more: Any) -> bytes:
    """A canonical record; `number` makes its key."""
    record = {
        "application": application,
        "day": day,
        "device_id": f"device-{number % 7}",
        "reading_key": f"{number:013d}#-#{number}",
        "timestamp": number,
        "temp_c": 2.0 + number % 5,
        "door_open": False,
    }
    return json.dumps(record | more).encode()


def flush(cloud: "MendedCloud") -> None:
    """Have every delivery stream deliver what it holds: an action that only the local Firehose has."""
    request = AWSRequest("POST", cloud.endpoint, {"X-Amz-Target": "Firehose_20150804.FlushDeliveryStreams"}, "{}")
    SigV4Auth(Credentials("test", "test"), "firehose", cloud.region).add_auth(request)
    prepared = urllib.request.Request(cloud.endpoint, b"{}", dict(request.headers))
    with urllib.request.urlopen(prepared, timeout=60) as answer:
        assert answer.status == 200
