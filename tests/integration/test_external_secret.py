# SPDX-License-Identifier: Apache-2.0
"""ExternalSecrets that use much at once: where their values come from, what is made of them, and
what becomes of the Secret."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.builds import SLOWER
from tests.integration.remote import (
    MATERIALISING,
    PARAMETER_STORE,
    data_of,
    external_secret,
    store,
    wait_data,
)
from tests.integration.serving import NAMESPACE, Serving, namespaced, secret
from tests.support.api_server import ApiServer
from tests.support.aws_standin import AwsStandIn
from tests.support.kube_store import Object

DATABASE = {"user": "app", "password": 'p"1', "port": 5432, "options": {"ssl": True}}


@pytest.fixture
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn() as standin:
        standin.add_principal()
        standin.put("prod/db", json.dumps(DATABASE), tags={"owner": "data"})
        standin.put("prod/keys/one", "1")
        standin.put("prod/keys/two", "2")
        standin.put("prod/keys/three", "3", tags={"for": "app"})
        standin.put_parameter("/prod/flags/a", "on")
        standin.put_parameter("/prod/flags/deep/b", "off")
        standin.put_parameter("/other/flags/a", "not this")
        yield standin


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        server.put(store())
        server.put(store("parameters", service=PARAMETER_STORE))
        yield server


@pytest.fixture
def serving(api: ApiServer, aws: AwsStandIn, tmp_path: Path) -> Iterator[Serving]:
    with Serving(api, tmp_path, aws.environment(), **MATERIALISING) as running:
        running.wait_synced()
        yield running


def change(api: ApiServer, name: str, **metadata: Any) -> None:
    obj = copy.deepcopy(api.get("externalsecrets", NAMESPACE, name))
    assert obj is not None
    obj["metadata"] |= metadata
    api.put(obj)


def prefix(source: str, target: str) -> list[Object]:
    return [{"regexp": {"source": source, "target": target}}]


def from_everywhere() -> Object:
    """Of both services, in every form, with a template over it."""
    parameters = {"storeRef": {"kind": "SecretStore", "name": "parameters"}}
    manifest = external_secret("app", {})
    manifest["spec"]["dataFrom"] = [
        {"extract": {"key": "prod/db"}, "rewrite": prefix("^", "db_")},
        {
            "find": {"name": {"regexp": "^prod/keys/"}},
            "rewrite": [
                *prefix("^prod/keys/", ""),
                {"transform": {"template": "key_{{ .value | upper }}"}},
            ],
        },
        {
            "find": {"path": "/prod/flags", "name": {"regexp": "."}},
            "rewrite": prefix("^/prod/flags/(?:deep/)?", "flag_"),
            "sourceRef": parameters,
        },
    ]
    owner = {"key": "prod/db", "metadataPolicy": "Fetch", "property": "owner"}
    manifest["spec"]["data"] = [{"secretKey": "owner", "remoteRef": owner}]
    manifest["spec"]["target"]["template"] = {
        "engineVersion": "v2",
        "metadata": {"labels": {"owner": "{{ .owner }}"}, "annotations": {"for": "app"}},
        "data": {
            "url": "postgres://{{ .db_user }}:{{ .db_password | quote }}@db:{{ .db_port }}",
            "ssl": "{{ (fromJson .db_options).ssl }}",
            "keys": '{{ list .key_ONE .key_TWO .key_THREE | join "," }}',
        },
        "templateFrom": [
            {
                "target": "Data",
                "literal": "flags: {{ .flag_a }}{{ .flag_b }}\nport: {{ .db_port }}\n",
            }
        ],
    }
    return manifest


def expected(**more: str) -> dict[str, str]:
    return {
        "url": 'postgres://app:"p\\"1"@db:5432',
        "ssl": "true",
        "keys": "1,2,3",
        "flags": "onoff",
        "port": "5432",
        **more,
    }


def test_values_of_both_services_meet_in_one_template(
    api: ApiServer, aws: AwsStandIn, serving: Serving
) -> None:
    api.put(from_everywhere())
    wait_data(api, "app", **expected())
    made = api.get("secrets", NAMESPACE, "app")
    assert made is not None
    assert made["metadata"]["labels"]["owner"] == "data"
    assert made["metadata"]["annotations"]["for"] == "app"
    (owner,) = made["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("ExternalSecret", "app")
    # What has changed there is fetched when somebody asks for it, and only then.
    aws.rotate("prod/keys/two", "zwei")
    aws.put_parameter("/prod/flags/a", "ON")
    assert data_of(api, "app") == {k: v.encode() for k, v in expected().items()}
    change(api, "app", annotations={"force-sync": "1"})
    wait_data(api, "app", **expected(keys="1,zwei,3", flags="ONoff"))


def test_one_secret_by_both_kinds_of_metadata_and_tags(
    api: ApiServer, aws: AwsStandIn, serving: Serving
) -> None:
    manifest = external_secret("app", {})
    tags = {"key": "prod/db", "metadataPolicy": "Fetch"}
    manifest["spec"]["data"] = [{"secretKey": "tags", "remoteRef": tags}]
    manifest["spec"]["dataFrom"] = [
        {"find": {"tags": {"for": "app"}}},
        {"extract": tags, "rewrite": prefix("^", "tag_")},
    ]
    api.put(manifest)
    wait_data(api, "app", tags='{"owner":"data"}', prod_keys_three="3", tag_owner="data")


def test_a_secret_goes_with_what_it_was_made_of(
    api: ApiServer, aws: AwsStandIn, serving: Serving
) -> None:
    keys = {"one": "prod/keys/one", "two": "prod/keys/two"}
    manifest = external_secret("app", keys, refresh="1s")
    manifest["spec"]["target"]["deletionPolicy"] = "Delete"
    api.put(manifest)
    wait_data(api, "app", one="1", two="2")
    aws.delete("prod/keys/one", force=True)
    wait_data(api, "app", two="2")
    aws.delete("prod/keys/two", force=True)
    gone = serving.wait_log("externalsecret", 20, name="app", outcome="deleted")
    assert gone["namespace"] == NAMESPACE
    api.wait_object("secrets", NAMESPACE, "app", lambda found: found is None, timeout=20 * SLOWER)
    aws.put("prod/keys/one", "again")
    wait_data(api, "app", one="again")


def test_keys_are_merged_into_a_secret_that_is_somebody_s(
    api: ApiServer, aws: AwsStandIn, serving: Serving
) -> None:
    theirs = secret("app", own="theirs", password="old")
    theirs["metadata"]["labels"] = {"team": "blue"}
    api.put(theirs)
    manifest = external_secret("app", "prod/keys/one", refresh="1s")
    manifest["spec"]["target"] |= {"creationPolicy": "Merge", "deletionPolicy": "Merge"}
    api.put(manifest)
    wait_data(api, "app", own="theirs", password="1")
    aws.rotate("prod/keys/one", "eins")
    wait_data(api, "app", own="theirs", password="eins")
    found = api.get("secrets", NAMESPACE, "app")
    assert found is not None
    assert found["metadata"]["labels"]["team"] == "blue"
    assert "ownerReferences" not in found["metadata"]


def test_nothing_is_merged_into_a_secret_that_is_not_there(
    api: ApiServer, aws: AwsStandIn, serving: Serving
) -> None:
    manifest = external_secret("app", "prod/keys/one")
    manifest["spec"]["target"]["creationPolicy"] = "Merge"
    api.put(manifest)
    serving.wait_log("externalsecret", name="app")
    assert api.get("secrets", NAMESPACE, "app") is None
    api.put(secret("app", own="theirs"))
    wait_data(api, "app", 30, own="theirs", password="1")


def test_a_template_of_the_cluster_is_read_as_it_is_and_followed(
    api: ApiServer, aws: AwsStandIn, serving: Serving
) -> None:
    text = {"app.conf": "password = {{ .password }}\n", "not this": "{{ .missing }}"}
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "app"},
        "data": text,
    }
    api.put(namespaced(manifest))
    described = external_secret("app", "prod/keys/one", refresh="1s")
    described["spec"]["target"]["template"] = {
        "templateFrom": [{"configMap": {"name": "app", "items": [{"key": "app.conf"}]}}]
    }
    api.put(described)
    wait_data(api, "app", **{"app.conf": "password = 1\n"})
    manifest["data"] = {"app.conf": "{{ .password | b64enc }}"}
    api.put(namespaced(manifest))
    wait_data(api, "app", **{"app.conf": base64.b64encode(b"1").decode()})
