# SPDX-License-Identifier: Apache-2.0
"""A namespace that the conditions of a ClusterSecretStore do not admit gets nothing by any route:
not for a waiting Pod, not in the background, not from what another namespace has just read."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.cluster import objects
from tests.cluster.rollouts import uses_each
from tests.integration.builds import SLOWER
from tests.integration.remote import MATERIALISING, PARAMETER_STORE
from tests.integration.serving import NAMESPACE, Serving, held
from tests.support.api_server import ApiServer
from tests.support.aws_standin import AwsStandIn
from tests.support.kube_store import Object

READ = "GetSecretValue"
OTHER = "other"
LABEL = "kubernetes.io/metadata.name"


@pytest.fixture
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn() as standin:
        standin.add_principal()
        standin.put("/prod/db", "x")
        standin.put("/prod/app", '{"user": "u"}', tags={"team": "app"})
        standin.put_parameter("/prod/db", "p", tags={"team": "app"})
        yield standin


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        for name in (NAMESPACE, OTHER):
            server.put(namespace(name))
        yield server


@pytest.fixture
def serving(api: ApiServer, aws: AwsStandIn, tmp_path: Path) -> Iterator[Serving]:
    with Serving(api, tmp_path, aws.environment(), **MATERIALISING) as running:
        running.wait_synced()
        yield running


def namespace(name: str, **labels: str) -> Object:
    metadata = {"name": name, "labels": {LABEL: name, **labels}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def cluster_store(**spec: object) -> Object:
    manifest = objects.secret_store()
    manifest["kind"] = "ClusterSecretStore"
    manifest["spec"] |= spec
    return manifest


def external_secret(name: str, where: str, remote: str = "/prod/db") -> Object:
    manifest = objects.external_secret(name, remote)
    manifest["metadata"]["namespace"] = where
    manifest["spec"]["secretStoreRef"]["kind"] = "ClusterSecretStore"
    return manifest


def routed(where: str, spec: Mapping[str, object]) -> Object:
    manifest = external_secret("db", where)
    if "dataFrom" in spec:
        del manifest["spec"]["data"]
    manifest["spec"] |= copy.deepcopy(dict(spec))
    return manifest


# What admits OTHER and not NAMESPACE.
CONDITIONS = {
    "name": {"conditions": [{"namespaces": [OTHER]}]},
    "labels": {"conditions": [{"namespaceSelector": {"matchLabels": {LABEL: OTHER}}}]},
    "regex": {"conditions": [{"namespaceRegexes": [f"^{OTHER}$"]}]},
}


def assert_refused(api: ApiServer, aws: AwsStandIn, serving: Serving) -> None:
    """Neither the value nor a call, whatever has been read for others."""
    calls = aws.count()
    refused = serving.wait_log("externalsecret", namespace=NAMESPACE)
    assert refused["outcome"] == "failed"
    assert "ClusterSecretStore aws" in refused["error"]
    assert held(serving.pod(**uses_each("db")))
    assert aws.count() == calls
    assert api.get("secrets", NAMESPACE, "db") is None


@pytest.mark.parametrize("condition", list(CONDITIONS))
def test_who_is_not_admitted_gets_nothing(
    api: ApiServer, aws: AwsStandIn, serving: Serving, condition: str
) -> None:
    api.put(cluster_store(**CONDITIONS[condition]))
    # The value is in the cache then, under the identity that the other namespace would have.
    api.put(external_secret("db", OTHER))
    serving.wait_log("externalsecret", namespace=OTHER, outcome="created")
    assert aws.count(READ) == 1
    api.put(external_secret("db", NAMESPACE))
    assert_refused(api, aws, serving)


def test_conditions_that_admit_nobody(
    api: ApiServer, aws: AwsStandIn, serving: Serving
) -> None:
    api.put(cluster_store(conditions=[{}]))
    api.put(external_secret("db", NAMESPACE))
    assert_refused(api, aws, serving)
    assert aws.count() == 0


def test_the_store_of_another_controller_is_left_to_it(
    api: ApiServer, aws: AwsStandIn, serving: Serving
) -> None:
    api.put(cluster_store(controller="somebody-else"))
    api.put(external_secret("db", NAMESPACE))
    # One that was persisted later has been carried out.
    own = objects.secret_store()
    own["metadata"]["namespace"] = NAMESPACE
    api.put(own)
    later = external_secret("later", NAMESPACE, "/prod/app")
    later["spec"]["secretStoreRef"]["kind"] = "SecretStore"
    api.put(later)
    serving.wait_log("externalsecret", name="later", outcome="created")
    # The watches lag independently: that its store is not there yet may have been said.
    told = serving.process.logs("externalsecret", name="db")
    assert [each for each in told if "does not exist" not in each["error"]] == []
    # Only who waits for it is told.
    assert held(serving.pod(**uses_each("db")))
    refused = serving.wait_log("externalsecret", name="db", outcome="unsupported")
    assert "ClusterSecretStore aws: its spec.controller" in refused["error"]
    assert aws.count(secret="/prod/db") == 0
    assert api.get("secrets", NAMESPACE, "db") is None


def data(**remote: str) -> dict[str, object]:
    return {"data": [{"secretKey": "key", "remoteRef": remote}]}


def find(**by: object) -> dict[str, object]:
    return {"dataFrom": [{"find": by}]}


# The ways to a value, by the service behind the store.
ROUTES: Mapping[str, tuple[str, dict[str, object]]] = {
    "data": ("SecretsManager", data(key="/prod/db")),
    "property": ("SecretsManager", data(key="/prod/app", property="user")),
    "extract": ("SecretsManager", {"dataFrom": [{"extract": {"key": "/prod/app"}}]}),
    "find by name": ("SecretsManager", find(name={"regexp": "^/prod/db$"})),
    "find by tags": ("SecretsManager", find(tags={"team": "app"})),
    "metadata": ("SecretsManager", data(key="/prod/app", metadataPolicy="Fetch")),
    "parameter": (PARAMETER_STORE, data(key="/prod/db")),
    "parameters by path": (PARAMETER_STORE, find(path="/prod", name={"regexp": "db"})),
    "parameters by tags": (PARAMETER_STORE, find(tags={"team": "app"})),
    "metadata of a parameter": (PARAMETER_STORE, data(key="/prod/db", metadataPolicy="Fetch")),
}


@pytest.mark.parametrize("route", list(ROUTES))
def test_no_way_to_a_value_leads_around_the_conditions(
    api: ApiServer, aws: AwsStandIn, serving: Serving, route: str
) -> None:
    """Another namespace has just gone the same way: what it read is in the cache."""
    service, spec = ROUTES[route]
    manifest = cluster_store(**CONDITIONS["name"])
    manifest["spec"]["provider"]["aws"]["service"] = service
    api.put(manifest)
    # Whoever is carried out while his store arrives is carried out once more.
    serving.wait_log("store", valid=True)
    api.put(routed(OTHER, spec))
    serving.wait_log("externalsecret", namespace=OTHER, outcome="created")
    assert aws.count() > 0
    api.put(routed(NAMESPACE, spec))
    assert_refused(api, aws, serving)


@pytest.mark.parametrize(
    "entry",
    [
        {"data": [{"secretKey": "key", "remoteRef": {"key": "/prod/db"}}]},
        {"dataFrom": [{"extract": {"key": "/prod/app"}}]},
        {"dataFrom": [{"find": {"name": {"regexp": "^/prod/"}}}]},
    ],
    ids=["data", "extract", "find"],
)
def test_an_entry_does_not_reach_a_store_that_its_external_secret_may_not_use(
    api: ApiServer, aws: AwsStandIn, serving: Serving, entry: dict[str, list[Object]]
) -> None:
    """Beside the store of the ExternalSecret, which is its namespace's own."""
    api.put(cluster_store(**CONDITIONS["name"]))
    own = objects.secret_store()
    own["metadata"] |= {"name": "own", "namespace": NAMESPACE}
    api.put(own)
    manifest = routed(NAMESPACE, entry)
    manifest["spec"]["secretStoreRef"] = {"kind": "SecretStore", "name": "own"}
    for entries in entry:
        source = {"storeRef": {"kind": "ClusterSecretStore", "name": "aws"}}
        manifest["spec"][entries][0]["sourceRef"] = source
    api.put(manifest)
    assert_refused(api, aws, serving)
    assert aws.count() == 0


def test_what_is_read_ahead_is_read_for_who_is_admitted(
    api: ApiServer, aws: AwsStandIn, tmp_path: Path
) -> None:
    """Of all that is due at the start, in one batch for all namespaces of one identity."""
    api.put(cluster_store(**CONDITIONS["name"]))
    for number in range(4):
        aws.put(f"/prod/{number}", "x")
        api.put(external_secret(f"db-{number}", (NAMESPACE, OTHER)[number % 2], f"/prod/{number}"))
    with Serving(api, tmp_path, aws.environment(), **MATERIALISING) as serving:
        for number in (1, 3):
            serving.wait_log("externalsecret", name=f"db-{number}", outcome="created")
        for number in (0, 2):
            serving.wait_log("externalsecret", name=f"db-{number}", outcome="failed")
            assert held(serving.pod(**uses_each(f"db-{number}")))
    for number in range(4):
        assert (aws.count(secret=f"/prod/{number}") > 0) is (number % 2 == 1)
    assert api.objects("secrets", NAMESPACE) == []


def test_a_refresh_that_is_asked_for_is_refused_as_well(
    api: ApiServer, aws: AwsStandIn, serving: Serving
) -> None:
    api.put(cluster_store(**CONDITIONS["name"]))
    api.put(external_secret("db", NAMESPACE))
    assert_refused(api, aws, serving)
    mark = serving.process.mark()
    forced = external_secret("db", NAMESPACE)
    forced["metadata"]["annotations"] = {"force-sync": "1"}
    api.put(forced)
    again = serving.process.wait_log("externalsecret", 20 * SLOWER, since=mark, name="db")
    assert again["outcome"] == "failed"
    assert aws.count() == 0
    assert api.get("secrets", NAMESPACE, "db") is None


def test_its_own_review_tells_nothing_of_the_value(
    api: ApiServer, aws: AwsStandIn, serving: Serving
) -> None:
    """Not even whether it is there."""
    api.put(cluster_store(**CONDITIONS["name"]))
    api.put(external_secret("db", OTHER))
    serving.wait_log("externalsecret", namespace=OTHER, outcome="created")
    calls = aws.count()
    told = set()
    for remote in ("/prod/db", "/prod/nothing"):
        answer = serving.validate(external_secret("db", NAMESPACE, remote))
        told.add((answer.allowed, tuple(answer.warnings or [answer.message])))
    ((_, (text,)),) = told
    assert "ClusterSecretStore aws" in text
    assert aws.count() == calls


def test_a_pod_that_is_first_gets_nothing_either(
    api: ApiServer, aws: AwsStandIn, tmp_path: Path
) -> None:
    """Whether the background or the Pod comes first."""
    api.put(cluster_store(**CONDITIONS["name"]))
    api.put(external_secret("db", NAMESPACE))
    with Serving(api, tmp_path, aws.environment(), **MATERIALISING) as serving:
        serving.wait_synced()
        for _ in range(3):
            assert held(serving.pod(**uses_each("db")))
        assert aws.count() == 0
        assert api.get("secrets", NAMESPACE, "db") is None


def test_labels_and_conditions_are_looked_at_again_when_they_change(
    api: ApiServer, aws: AwsStandIn, serving: Serving
) -> None:
    api.put(cluster_store(conditions=[{"namespaceSelector": {"matchLabels": {"tier": "gold"}}}]))
    api.put(external_secret("db", NAMESPACE))
    serving.wait_log("externalsecret", namespace=NAMESPACE, outcome="failed")
    api.put(namespace(NAMESPACE, tier="gold"))
    serving.wait_log("externalsecret", namespace=NAMESPACE, outcome="created")
    # The other way, by the store.
    api.put(external_secret("db", OTHER))
    serving.wait_log("externalsecret", namespace=OTHER, outcome="failed")
    api.put(cluster_store(conditions=[{"namespaces": [OTHER]}]))
    serving.wait_log("externalsecret", namespace=OTHER, outcome="created")
    assert aws.count(READ) <= 2
