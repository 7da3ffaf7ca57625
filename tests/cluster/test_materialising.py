# SPDX-License-Identifier: Apache-2.0
"""Scenarios 4, 26-28, 62 and 64: Secrets that Keyturn makes from persisted ExternalSecrets.

AWS is the stand-in, and where a test has to look while a call is under way, the call is held.
"""

from __future__ import annotations

import contextlib
import copy
import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.cluster import objects
from tests.cluster.api import ApiError, Object, Response
from tests.cluster.scenario import (
    GATE,
    KEYTURN_USER,
    QUICK,
    STAMP,
    Scenario,
    container,
    data_of,
    gates,
    is_hash,
    marker,
    review_of,
    stamp,
    uses,
    variable,
    webhook_patches,
)
from tests.support.aws_standin import AwsStandIn
from tests.support.faults import Fault

READ = "GetSecretValue"


@pytest.fixture(scope="module")
def keyturn_parameters(aws: AwsStandIn) -> dict[str, Any]:
    """Requests wait as long as they ever may, so that what happens meanwhile is not a race."""
    return {
        "options": QUICK,
        "values": {"externalSecrets": {"controller": "keyturn"}, "crds": {"install": True}},
        "env": aws.environment(),
    }


@pytest.fixture(autouse=True)
def no_faults_left(aws: AwsStandIn) -> Iterator[None]:
    yield
    aws.clear_faults()


def remote_name(scenario: Scenario) -> str:
    """Of the test alone: calls are counted by it."""
    return f"/prod/{scenario.namespace}/password"


def wait_secret(scenario: Scenario, name: str, password: str) -> Object:
    def there() -> Object | None:
        found = scenario.api.find("Secret", name, scenario.namespace)
        return found if found and data_of(found).get("password") == password else None

    return scenario.wait_for(there, f"Secret {name} with the value from AWS")


@contextlib.contextmanager
def background(call: Any, *arguments: Any) -> Iterator[Future[Any]]:
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(call, *arguments)


def hold_call(aws: AwsStandIn, scenario: Scenario) -> Fault:
    """AWS does not answer for the Secret of this test until released."""
    return aws.fail("hold", operation=READ, secret=remote_name(scenario))


def is_known(scenario: Scenario, secret: str) -> bool:
    """That an ExternalSecret describes it, by what Keyturn says of a Pod that is only tried."""
    review = review_of(objects.pod("tried", **uses(secret, "password")), scenario.namespace)
    review["request"]["dryRun"] = True
    with scenario.connection() as connection:
        answer = connection.post_review(scenario.mutate_path(), review)
    return any("waits up to 5m" in warning for warning in answer.warnings)


def create_held(scenario: Scenario, aws: AwsStandIn, external_secret: Object) -> Fault:
    """AWS holds what is asked for it, until released. Keyturn has been told that it is there: who
    asks AWS first is its admission."""
    held = hold_call(aws, scenario)
    scenario.create(external_secret)
    held.wait_held()
    name = external_secret["metadata"]["name"]
    scenario.wait_for(lambda: is_known(scenario, name), f"ExternalSecret {name} to be known")
    return held


def wait_a_request_waits(scenario: Scenario) -> None:
    scenario.wait_for(
        lambda: scenario.keyturn.metric("keyturn_waiting_requests") >= 1, "a request that waits"
    )


# 4: a slow AWS.


@pytest.mark.sanitizers
def test_s04_the_answer_comes_within_what_the_api_server_grants(
    scenario: Scenario, aws: AwsStandIn
) -> None:
    aws.put(remote_name(scenario), "x")
    scenario.create(objects.secret_store())
    held = create_held(scenario, aws, objects.external_secret("db", remote_name(scenario)))
    review = review_of(objects.pod("web", **uses("db", "password")), scenario.namespace)
    took = {}
    for timeout in ("1s", "3s"):
        with scenario.connection() as connection:
            started = time.monotonic()
            answer = connection.post_review(scenario.mutate_path(timeout), review)
            took[timeout] = time.monotonic() - started
        assert answer.patch == [
            {"op": "add", "path": "/spec/schedulingGates", "value": [{"name": GATE}]}
        ]
    # The API server rounds its timeout up to seconds: of "1s" next to nothing may be left.
    assert took["1s"] < 1
    # Where more is granted the whole budget is waited, so the first was not short by chance.
    assert took["3s"] >= 0.9
    assert held.held == 1
    held.release()
    wait_secret(scenario, "db", "x")


# 26, 27: a Secret that is on its way.


@pytest.mark.sanitizers
def test_s27_fast_the_secret_is_made_while_the_request_waits(
    scenario: Scenario, aws: AwsStandIn
) -> None:
    aws.put(remote_name(scenario), objects.document("from-aws"))
    scenario.create(objects.secret_store())
    external_secret = objects.rendered_external_secret("db", remote_name(scenario))
    held = create_held(scenario, aws, external_secret)
    with background(scenario.create, objects.pod("web", **uses("db", "password"))) as request:
        wait_a_request_waits(scenario)
        held.release()
        response: Response = request.result()
    assert (gates(response.object), response.warnings) == ([], [])
    assert is_hash(stamp(response.object))
    # It was there before the answer was: nobody needs to wait for it.
    secret = scenario.get("Secret", "db")
    assert data_of(secret) == {"password": "from-aws"}
    # The request has joined the call that was under way.
    assert aws.invocations(READ, secret=remote_name(scenario)) == 1
    pod = scenario.wait_running("web")
    assert stamp(pod) == stamp(response.object)
    decision = scenario.decision("Pod", "web")
    assert decision["held"] is False and decision["waited_ms"] > 0


@pytest.mark.sanitizers
def test_s27_slow_the_pod_is_held_until_the_secret_is_there(
    scenario: Scenario, aws: AwsStandIn
) -> None:
    aws.put(remote_name(scenario), objects.document("from-aws"))
    scenario.create(objects.secret_store())
    external_secret = objects.rendered_external_secret("db", remote_name(scenario))
    held = create_held(scenario, aws, external_secret)
    response = scenario.create(objects.pod("web", **uses("db", "password")))
    assert gates(response.object) == [GATE] and stamp(response.object) is None
    assert response.warnings == [
        'KT101 Secret "db" not found (container app, key password): Pod waits up to 5m'
    ]
    scenario.wait_event("web", "HeldForSecret", "which an ExternalSecret describes")
    assert scenario.api.find("Secret", "db", scenario.namespace) is None
    held.release()
    pod = scenario.wait_running("web")
    assert is_hash(stamp(pod)) and gates(pod) == []
    assert data_of(scenario.get("Secret", "db")) == {"password": "from-aws"}
    assert aws.invocations(READ, secret=remote_name(scenario)) == 1
    # The gate and the stamp in one patch, and the Secret before the Pod had a node.
    patched = scenario.audited("patch", "pods", "web", user=KEYTURN_USER)["requestObject"]
    assert patched["metadata"]["annotations"] == {STAMP: stamp(pod)}
    assert patched["spec"]["schedulingGates"] == [{"$patch": "delete", "name": GATE}]
    made = scenario.audited("create", "secrets", "db", user=KEYTURN_USER)
    bound = scenario.audited("create", "pods/binding", "web")
    assert made["stageTimestamp"] < bound["requestReceivedTimestamp"]


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_s26_a_secret_that_is_described_is_not_denied(
    scenario: Scenario, aws: AwsStandIn, version: str
) -> None:
    """Not even where its store cannot be had; a reference that is optional waits as well."""
    api_version = f"external-secrets.io/{version}"
    remote = remote_name(scenario)
    manifest = objects.rendered_external_secret("db", remote, api_version=api_version)
    scenario.create(manifest)  # without its store
    required = objects.pod("required", **uses("db", "password"))
    optional = objects.pod("optional", containers=[container(variable("db", "password", True))])
    workload = objects.deployment("web", **uses("db", "password"))

    def described() -> bool:
        """As the watch of ExternalSecrets tells: a moment after it is persisted."""
        (warning,) = scenario.create(workload, dryRun="All").warnings
        assert warning.startswith('KT103 Secret "db" not found ')
        return warning.endswith(": Pods wait up to 5m")

    scenario.wait_for(described, "the ExternalSecret to be known")
    assert len(scenario.create(workload).warnings) == 1
    for pod in (required, optional):
        assert gates(scenario.create(pod).object) == [GATE]
    (made,) = scenario.wait_held("web")
    # The store comes last: everything falls into place.
    aws.put(remote_name(scenario), objects.document("x"))
    scenario.create(objects.secret_store(api_version))
    wait_secret(scenario, "db", "x")
    names = ["required", "optional", made["metadata"]["name"]]
    stamps = [stamp(scenario.wait_running(name)) for name in names]
    assert all(map(is_hash, stamps))


# 28: dry-run.


def operations(scenario: Scenario, manifest: Object, **query: str) -> tuple[Any, list[str]]:
    """The patch that a request for this object is answered with, and the warnings."""
    mark = scenario.cluster.audit_mark()
    response = scenario.create(manifest, **query)
    name = manifest["metadata"]["name"]

    def audited() -> list[Object]:
        return scenario.cluster.audit_events(
            mark, verb="create", namespace=scenario.namespace, name=name
        )

    return webhook_patches(scenario.wait_for(audited, "audit")[0]), response.warnings


@pytest.mark.parametrize("make", [objects.pod, objects.deployment])
def test_s28_a_dry_run_gets_the_same_patch(scenario: Scenario, make: Any) -> None:
    scenario.secret("db", password="x")
    for secret in ("db", "absent"):
        manifest = make(f"uses-{secret}", **uses(secret, "password"))
        dry = operations(scenario, copy.deepcopy(manifest), dryRun="All")
        kind = manifest["kind"]
        assert scenario.api.find(kind, f"uses-{secret}", scenario.namespace) is None
        assert dry == operations(scenario, manifest)
        hashed = secret == "db" or kind == "Pod"
        assert (len(dry[0]) == 1) is hashed


def test_s28_a_dry_run_never_asks_aws(scenario: Scenario, aws: AwsStandIn) -> None:
    aws.put(remote_name(scenario), objects.document("x"))
    scenario.create(objects.secret_store())
    # Neither does an ExternalSecret that is only tried.
    tried = scenario.cluster.kubectl(
        *("apply", "--dry-run=server", "-n", scenario.namespace, "-f", "-"),
        input=json.dumps(objects.rendered_external_secret("db", remote_name(scenario))),
    )
    assert tried.stdout == "externalsecret.external-secrets.io/db created (server dry run)\n"
    external_secret = objects.rendered_external_secret("db", remote_name(scenario))
    held = create_held(scenario, aws, external_secret)
    response = scenario.create(objects.pod("web", **uses("db", "password")), dryRun="All")
    assert gates(response.object) == [GATE]
    decision = scenario.decision("Pod", "web")
    assert decision["dry_run"] is True
    # It has looked whether the Secret is there, and has not waited for AWS.
    assert held.held == 1
    assert decision["waited_ms"] < 1000
    assert aws.invocations(READ, secret=remote_name(scenario)) == 1
    assert scenario.api.find("Secret", "db", scenario.namespace) is None
    held.release()
    wait_secret(scenario, "db", "x")
    assert aws.invocations(READ, secret=remote_name(scenario)) == 1


# 62: the order in which GitOps tools apply.


@pytest.mark.sanitizers
@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
def test_s62_a_deployment_before_its_external_secret(
    scenario: Scenario, aws: AwsStandIn, restart: bool
) -> None:
    aws.put(remote_name(scenario), "first")
    # What Keyturn is made to look by.
    scenario.secret("probe", key="x", unrelated="0")
    scenario.create(objects.secret_store())
    spec = {"containers": [container(variable("db", "password"), variable("probe", "key"))]}
    applied = scenario.cluster.apply(objects.deployment("web", 2, **spec), scenario.namespace)
    (warning,) = applied.warnings
    assert warning.startswith('KT103 Secret "db" not found ')
    scenario.wait_held("web", 2)
    assert scenario.marker("Deployment", "web") is None
    if restart:
        restart_keyturn(scenario)

    scenario.create(objects.external_secret("db", remote_name(scenario), "1s"))
    scenario.wait_rolled_out("Deployment", "web")
    pods = scenario.wait_pods("web", lambda pod: is_hash(stamp(pod)), 2)
    assert len({stamp(pod) for pod in pods}) == 1
    scenario.settle("Deployment", "web", "probe")
    # The late Secret was no reason to roll.
    assert scenario.rolls("web") == []
    assert len(scenario.replica_sets("web")) == 1
    assert scenario.get("Deployment", "web")["metadata"]["generation"] == 1
    if restart:
        restart_keyturn(scenario)
        scenario.settle("Deployment", "web", "probe")
        assert scenario.rolls("web") == []

    aws.rotate(remote_name(scenario), "second")
    wait_secret(scenario, "db", "second")
    rolled = scenario.wait_roll("web")
    assert rolled["to"] != stamp(pods[0])
    scenario.wait_rolled_out("Deployment", "web")
    scenario.wait_pods("web", lambda pod: stamp(pod) == rolled["to"], 2)
    scenario.settle("Deployment", "web", "probe")
    assert len(scenario.rolls("web")) == 1
    assert len(scenario.replica_sets("web")) == 2
    assert marker(scenario.get("Deployment", "web")) == rolled["to"]


def restart_keyturn(scenario: Scenario) -> None:
    (replica,) = scenario.keyturn.replicas
    assert replica.stop() == 0
    replica.start()
    replica.wait_ready()
    scenario.keyturn.wait_in_force()


# 64: ExternalSecrets that are refused.


@contextlib.contextmanager
def forbidden_prefix(scenario: Scenario) -> Iterator[None]:
    """A ValidatingAdmissionPolicy: no remote key of this namespace may begin with /forbidden."""
    api, name = scenario.api, f"no-forbidden-{scenario.namespace}"
    only_here = {"matchLabels": {"kubernetes.io/metadata.name": scenario.namespace}}
    rule = {
        "apiGroups": ["external-secrets.io"],
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["externalsecrets"],
    }
    expression = "!object.spec.dataFrom.exists(d, d.extract.key.startsWith('/forbidden'))"
    group = "admissionregistration.k8s.io/v1"
    policy = {
        "apiVersion": group,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": expression, "message": "not this key"}],
        },
    }
    binding = {
        "apiVersion": group,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {
            "policyName": name,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": only_here},
        },
    }
    api.create(policy)
    try:
        api.create(binding)

        def in_force() -> bool:
            probe = objects.rendered_external_secret("probe", "/forbidden/probe")
            return "not this key" in refusal(scenario, probe, dryRun="All")

        scenario.wait_for(in_force, "the policy in force")
        yield
    finally:
        api.delete("ValidatingAdmissionPolicyBinding", name)
        api.delete("ValidatingAdmissionPolicy", name)


def refusal(scenario: Scenario, manifest: Object, **query: str) -> str:
    try:
        scenario.create(manifest, **query)
    except ApiError as error:
        return error.message
    return ""


# "exceeded quota: none"; of a kind defined a moment ago "status unknown for quota: none".
BY_QUOTA = "quota: none"


@contextlib.contextmanager
def none_left(scenario: Scenario) -> Iterator[None]:
    """A ResourceQuota that has room for no ExternalSecret."""
    quota = {"count/externalsecrets.external-secrets.io": "0"}
    scenario.create(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "none"},
            "spec": {"hard": quota},
        }
    )
    probe = objects.external_secret("probe", "/probe")
    scenario.wait_for(
        lambda: BY_QUOTA in refusal(scenario, probe, dryRun="All"), "the quota in force"
    )
    yield
    scenario.api.delete("ResourceQuota", "none", scenario.namespace)
    scenario.wait_for(lambda: not refusal(scenario, probe, dryRun="All"), "the quota gone")


def test_s64_what_is_refused_authorises_nothing(scenario: Scenario, aws: AwsStandIn) -> None:
    allowed = remote_name(scenario)
    refused = {how: f"/{how}{allowed}" for how in ("forbidden", "over-quota", "dry-run")}
    for name in (allowed, *refused.values()):
        aws.put(name, objects.document("x"))
    scenario.create(objects.secret_store())
    # What waits for the Secret must not hurry anything either.
    scenario.create(objects.pod("web", **uses("db", "password")))
    with forbidden_prefix(scenario):
        said = refusal(scenario, objects.rendered_external_secret("db", refused["forbidden"]))
        assert "not this key" in said
    with none_left(scenario):
        described = objects.rendered_external_secret("db", refused["over-quota"])
        said = refusal(scenario, described)
        assert BY_QUOTA in said
        said = refusal(scenario, described, dryRun="All")
        assert BY_QUOTA in said
    scenario.create(objects.rendered_external_secret("db", refused["dry-run"]), dryRun="All")
    scenario.create(objects.pod("late", **uses("db", "password")))
    # One that is persisted is carried out. By then the others would have been.
    scenario.create(objects.rendered_external_secret("other", allowed))
    wait_secret(scenario, "other", "x")
    assert aws.count(READ, secret=allowed) == 1
    assert [aws.count(secret=name) for name in refused.values()] == [0, 0, 0]
    assert scenario.api.find("Secret", "db", scenario.namespace) is None
    for name in ("web", "late"):
        assert gates(scenario.get("Pod", name)) == [GATE]


def test_s64_a_review_posted_by_a_stranger_authorises_nothing(
    scenario: Scenario, aws: AwsStandIn
) -> None:
    """Even one who knows the path: an ExternalSecret counts as it stands in etcd."""
    aws.put(remote_name(scenario), objects.document("x"))
    scenario.create(objects.secret_store())
    manifest = objects.rendered_external_secret("db", remote_name(scenario))
    review = review_of(manifest, scenario.namespace, "externalsecret-v1-create")
    pod = review_of(objects.pod("web", **uses("db", "password")), scenario.namespace)
    with scenario.connection() as connection:
        answer = connection.post_review(scenario.mutate_path(), review)
        assert (answer.allowed, answer.patch) == (True, None)
        assert connection.post_review(scenario.mutate_path(), pod).allowed
    assert aws.invocations(READ, secret=remote_name(scenario)) == 0
    assert scenario.api.find("Secret", "db", scenario.namespace) is None
