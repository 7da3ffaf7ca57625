# SPDX-License-Identifier: Apache-2.0
"""botocore as a client of the stand-in (or of moto), for tests. Needs the packages of
tests/requirements.txt."""

from __future__ import annotations

from typing import Any, Optional

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.aws_identity import Principal
from tests.support.aws_standin import EXAMPLE_ACCESS_KEY_ID, EXAMPLE_SECRET_ACCESS_KEY


def sdk_client(
    service: str,
    endpoint: str,
    *,
    who: Optional[Principal] = None,
    ca_file: Optional[str] = None,
    region: str = "us-east-1",
    attempts: int = 1,
    validate: bool = True,
) -> Any:
    """`who` is a user or a session; the example key when None. Nothing comes from the environment
    or from files. `validate`: whether botocore checks parameters before it sends them."""
    session = botocore.session.Session()
    session.set_config_variable("ignore_configured_endpoint_urls", True)
    return session.create_client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=who.access_key_id if who else EXAMPLE_ACCESS_KEY_ID,
        aws_secret_access_key=who.secret_access_key if who else EXAMPLE_SECRET_ACCESS_KEY,
        aws_session_token=who.session_token if who else None,
        verify=ca_file,
        config=Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            read_timeout=60,
            parameter_validation=validate,
        ),
    )


def error_of(call: Any, **arguments: Any) -> tuple[str, str, int]:
    """Code, message and HTTP status of the error that this call must end with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    reply = caught.value.response
    assert reply["ResponseMetadata"]["RequestId"], "every error has a request id"
    return (
        reply["Error"]["Code"],
        reply["Error"].get("Message", ""),
        reply["ResponseMetadata"]["HTTPStatusCode"],
    )
