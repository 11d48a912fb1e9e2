"""Loopback counts as TLS, so that bucket policies that demand TLS can stand in the template as they must on AWS.

The gateway speaks plain HTTP and is bound to loopback: nothing it says leaves the machine. MiniStack evaluates
`aws:SecureTransport` by the scheme alone and would refuse every function its own buckets.
"""

import sys
from ipaddress import ip_address

from ministack.core import iam_evaluator

from local.cloud.upstream import Upstream

WRAPS = (Upstream("ministack.core.iam_evaluator:pin_request_origin", "de819c1bd9ac2be4"),)


def install() -> None:
    """Wrap the pin of a request's origin, also where MiniStack's application has already bound it."""
    upstream = iam_evaluator.pin_request_origin

    def pin(source_ip: str, secure_transport: bool) -> None:  # noqa: FBT001 - upstream's signature
        upstream(source_ip, secure_transport or ip_address(source_ip).is_loopback)

    iam_evaluator.pin_request_origin = pin
    application = sys.modules.get("ministack.app")
    if application is not None:
        application.pin_request_origin = pin  # type: ignore[attr-defined] # it binds the name on import
