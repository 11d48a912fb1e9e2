"""The address of a function URL is one that answers.

MiniStack gives every function URL a name under `on.aws`, which no name server knows, and serves it on the gateway, at
`/_aws/lambda-url/{id}/`. So that is the address that is told here, in the template's `FunctionUrl` and in the API's;
and a request that comes there names it as its host, as a request on AWS names the host that it was sent to
(https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads).
"""

import os
from typing import Any

from ministack.core.responses import json_response
from ministack.services import lambda_svc

from local.cloud.upstream import Upstream

WRAPS = (
    Upstream("ministack.services.lambda_svc:_create_function_url_config", "e821147c5bd82080"),
    Upstream("ministack.services.lambda_svc:_function_url_id", "e04bb92dc47d78ba"),
    Upstream("ministack.services.lambda_svc:_build_function_url_event", "1178f09ff75cf645"),
    Upstream("ministack.services.lambda_svc:_url_config_key", "d8dbe2770327b46c"),
)

_PATH = "/_aws/lambda-url/"


def host() -> str:
    """Where the gateway answers."""
    return f"localhost:{os.environ.get('GATEWAY_PORT', '4566')}"


def install() -> None:
    create, identify, build = (
        lambda_svc._create_function_url_config,  # noqa: SLF001 - CreateFunctionUrlConfig, CloudFormation's too
        lambda_svc._function_url_id,  # noqa: SLF001 - finds a function by its address
        lambda_svc._build_function_url_event,  # noqa: SLF001 - what the function is invoked with
    )

    def create_config(name: str, data: dict[str, Any], qualifier: str | None) -> Any:
        answer = create(name, data, qualifier)
        if answer[0] != 201:
            return answer
        config = lambda_svc._function_urls[lambda_svc._url_config_key(name, qualifier)]  # noqa: SLF001 - where it keeps them
        config["FunctionUrl"] = f"http://{host()}{_PATH}{identify(config['FunctionUrl'])}/"
        return json_response(config, status=201)

    def url_id(address: str) -> Any:
        return address.rstrip("/").rpartition(_PATH)[2] if _PATH in address else identify(address)

    def build_event(*given: Any, **named: Any) -> Any:
        event = build(*given, **named)
        event["headers"]["host"] = event["requestContext"]["domainName"] = host()
        return event

    lambda_svc._create_function_url_config = create_config  # noqa: SLF001 - the mend
    lambda_svc._function_url_id = url_id  # noqa: SLF001 - the mend
    lambda_svc._build_function_url_event = build_event  # noqa: SLF001 - the mend
