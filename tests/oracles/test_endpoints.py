# SPDX-License-Identifier: Apache-2.0
"""Keyturn's hosts against botocore's endpoint resolver: every region of every partition and two
invented ones, three services, four variants."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.endpoint_provider import EndpointProvider

from tests.oracles.tool import ask_tool

pytestmark = pytest.mark.sanitizers

SERVICES = ("secretsmanager", "ssm", "sts")
# Not in any partition's list: its pattern, or none, decides.
INVENTED = ("eu-atlantis-7", "us-gov-atlantis-3")
COMBINATIONS = [(fips, dual) for fips in (False, True) for dual in (False, True)]


@pytest.fixture(scope="module")
def loader() -> Any:
    return botocore.session.Session().get_component("data_loader")


@pytest.fixture(scope="module")
def regions(loader: Any) -> list[str]:
    """The pseudo-regions "aws-global" and the like are no regions."""
    partitions = loader.load_data("partitions")["partitions"]
    names = {
        name
        for partition in partitions
        for name in partition["regions"]
        if not name.endswith("-global")
    }
    return [*sorted(names), *INVENTED]


def botocore_host(loader: Any, service: str, region: str, fips: bool, dual: bool) -> str:
    rules = loader.load_service_model(service, "endpoint-rule-set-1")
    provider = EndpointProvider(rules, loader.load_data("partitions"))
    # Regional STS always: the global endpoint is a thing of the past.
    parameters = {"Region": region, "UseFIPS": fips, "UseDualStack": dual}
    if service == "sts":
        parameters["UseGlobalEndpoint"] = False
    url = provider.resolve_endpoint(**parameters).url
    assert url.startswith("https://") and "/" not in url[8:]
    return url[8:]


def line_of(service: str, region: str, fips: bool, dual: bool) -> str:
    return f"{service} {region} {str(fips).lower()} {str(dual).lower()}"


def test_hosts_are_botocores(loader: Any, regions: list[str]) -> None:
    asked = [
        (service, region, fips, dual)
        for region in regions
        for service in SERVICES
        for fips, dual in COMBINATIONS
    ]
    assert len(regions) == 48 and len(asked) == 576
    answers = ask_tool("endpoint_hosts", [line_of(*each) for each in asked])
    wrong = {}
    for each, answer in zip(asked, answers):
        wanted = botocore_host(loader, *each)
        if answer != wanted:
            wrong[each] = (answer, wanted)
    assert wrong == {}


@pytest.mark.parametrize("region", ["us-east-1.evil.example", "us_east_1", "US-EAST-1", "a" * 33])
def test_what_is_no_region_becomes_no_host(loader: Any, region: str) -> None:
    (answer,) = ask_tool("endpoint_hosts", [line_of("ssm", region, False, False)])
    assert answer.startswith("error: ")


def test_the_resolver_is_the_one_that_the_sdk_uses(loader: Any) -> None:
    """The same host as a client made for that region."""
    session = botocore.session.Session()
    client = session.create_client(
        "ssm", region_name="cn-north-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    assert client.meta.endpoint_url == "https://" + botocore_host(
        loader, "ssm", "cn-north-1", False, False
    )
