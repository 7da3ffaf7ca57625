# SPDX-License-Identifier: Apache-2.0
"""Pages of a list, and tokens that are good only with the request they came from."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from typing import Any, Mapping, Optional, Sequence

from tests.support.aws_protocol import AwsError


def page(
    operation: str,
    document: Mapping[str, Any],
    found: Sequence[Any],
    size: int,
    refusal: str = "InvalidNextTokenException",
) -> tuple[Sequence[Any], Optional[str]]:
    """What NextToken of `document` asks for, and the token of the next page if there is one."""
    start = 0
    token = document.get("NextToken")
    if token is not None:
        with contextlib.suppress(ValueError):
            start = int(base64.b64decode(token, validate=True).decode().rpartition(":")[2])
        if token != page_token(operation, document, start):
            raise AwsError(refusal, "Invalid NextToken.")
    end = start + size
    return found[start:end], (page_token(operation, document, end) if end < len(found) else None)


def page_token(operation: str, document: Mapping[str, Any], start: int) -> str:
    same = {key: value for key, value in document.items() if key != "NextToken"}
    request = json.dumps([operation, same], sort_keys=True).encode()
    digest = hashlib.sha256(request).hexdigest()[:24]
    return base64.b64encode(f"{digest}:{start}".encode()).decode()
