# SPDX-License-Identifier: Apache-2.0
"""Scenarios 1-3, 5-7, 22, 24, 25 and 42: what goes over the wire, and what the API server and
kubectl make of it.

What a genuine API server would never send is posted to the port directly.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from tests.cluster import objects
from tests.cluster.api import ApiError, Object
from tests.cluster.keyturn import NAMESPACE
from tests.cluster.scenario import (
    KEYTURN_USER,
    MARKER,
    QUICK,
    WARNING_CHARACTERS,
    Scenario,
    container,
    gates,
    go_seconds,
    marker,
    recorded_review,
    review_of,
    stamp,
    uses,
    variable,
    webhook_notes,
    webhook_patches,
)
from tests.support.tls_client import Answer

KEYTURN = {"options": QUICK}

JSON_TYPE = {"Content-Type": "application/json"}
REVIEW_LIMIT = 7 * 1024 * 1024
DENIAL_CHARACTERS = 300
OUTSIDE = "../../kube-system/secrets/x"


def post(scenario: Scenario, body: bytes, headers: dict[str, str] = JSON_TYPE) -> Answer:
    with scenario.connection() as connection:
        return connection.request("POST", scenario.mutate_path(), body, headers)


def secret_volume(secret: str) -> dict[str, Any]:
    """The one place where the API server itself accepts every name."""
    return {"volumes": [{"name": "files", "secret": {"secretName": secret}}]}


# 1-3: requests and answers.


@pytest.mark.sanitizers
@pytest.mark.parametrize(
    "recorded", ["pod-create-direct", "deployment-create-kubectl-apply", "cronjob-update"]
)
def test_s01_uid_and_version_are_echoed_and_nothing_else_is_said(
    scenario: Scenario, recorded: str
) -> None:
    review = recorded_review(recorded)
    answer = post(scenario, json.dumps(review).encode())
    assert answer.status == 200
    assert answer.header("Content-Type") == "application/json"
    document = answer.json()
    assert document.pop("response") == {
        "uid": review["request"]["uid"],
        "allowed": True,
        "auditAnnotations": {"decision": "allow"},
    }
    assert document == {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}


def test_s01_the_api_server_sees_no_change(scenario: Scenario) -> None:
    scenario.create(objects.pod("plain"))
    event = scenario.audited("create", "pods", "plain")
    (note,) = webhook_notes(event).values()
    assert note == {"configuration": "keyturn", "webhook": "pods.keyturn.io", "mutated": False}
    assert webhook_patches(event) == []


@pytest.mark.parametrize("field", ["apiVersion", "kind"])
def test_s02_another_version_gets_a_clear_400(scenario: Scenario, field: str) -> None:
    review = recorded_review("pod-create-direct")
    review[field] = {"apiVersion": "admission.k8s.io/v1beta1", "kind": "Review"}[field]
    answer = post(scenario, json.dumps(review).encode())
    assert answer.status == 400
    assert answer.header("Content-Type").startswith("text/plain")
    assert "AdmissionReview of admission.k8s.io/v1" in answer.body.decode()


BAD_REQUESTS: dict[str, tuple[int, str, bytes, dict[str, str]]] = {
    "method-get": (405, "GET", b"", {}),
    "method-put": (405, "PUT", b"{}", JSON_TYPE),
    "method-delete": (405, "DELETE", b"", {}),
    "type-yaml": (415, "POST", b"{}", {"Content-Type": "application/yaml"}),
    "type-missing": (415, "POST", b"{}", {}),
    "empty": (400, "POST", b"", JSON_TYPE),
    "not-json": (400, "POST", b"kind: AdmissionReview", JSON_TYPE),
    "not-an-object": (400, "POST", b"[1]", JSON_TYPE),
    "truncated": (400, "POST", b'{"kind":"AdmissionReview","apiVersion":"admi', JSON_TYPE),
    "trailing": (400, "POST", b"{}{}", JSON_TYPE),
    "without-request": (
        400,
        "POST",
        b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}',
        JSON_TYPE,
    ),
    # A ceiling, like the size.
    "deep": (413, "POST", b'{"a":' * 10_000 + b"1" + b"}" * 10_000, JSON_TYPE),
}


@pytest.mark.sanitizers
def test_s03_bad_requests_get_the_right_status_and_do_no_harm(scenario: Scenario) -> None:
    pid = scenario.keyturn.replicas[0].pid
    path = scenario.mutate_path()
    for name, (status, method, body, headers) in BAD_REQUESTS.items():
        with scenario.connection() as connection:
            answer = connection.request(method, path, body, headers)
        assert answer.status == status, (name, answer.body)
        if status == 405:
            assert answer.header("Allow") == "POST"
    for other in ("/", "/mutate", "/mutate/", f"/mutate/{'0' * 32}", path.replace("mutate", "x")):
        with scenario.connection() as connection:
            assert connection.request("POST", other, b"{}", JSON_TYPE).status == 404, other
    # Still the same process, and it decides.
    review = recorded_review("pod-create-direct")
    assert post(scenario, json.dumps(review).encode()).json()["response"]["allowed"]
    assert scenario.keyturn.replicas[0].running
    assert scenario.keyturn.replicas[0].pid == pid


def test_s03_a_review_over_seven_mebibytes_is_refused(scenario: Scenario) -> None:
    padding = {"x": "y" * (REVIEW_LIMIT - 16384)}
    review = recorded_review("pod-create-direct")
    review["request"]["object"]["metadata"]["annotations"] = padding
    below = json.dumps(review).encode()
    assert REVIEW_LIMIT - 16384 < len(below) < REVIEW_LIMIT
    assert post(scenario, below).json()["response"]["allowed"]
    # Refused by its length alone: the body is never sent.
    with scenario.connection() as connection:
        head = connection.encode("POST", scenario.mutate_path(), b"", JSON_TYPE).decode()
        length = f"Content-Length: {REVIEW_LIMIT + 1}"
        connection.send(head.replace("Content-Length: 0", length).encode())
        assert connection.read_answer().status == 413
    assert scenario.keyturn.replicas[0].running


# 5-7: denials, warnings, audit annotations.


def test_s05_a_denial_is_a_403_with_our_words_and_200_on_the_wire(scenario: Scenario) -> None:
    manifest = objects.pod("hostile", **secret_volume(OUTSIDE))
    with pytest.raises(ApiError) as denied:
        scenario.create(manifest)
    assert denied.value.status == 403
    assert denied.value.reason == "Forbidden"
    start = 'admission webhook "pods.keyturn.io" denied the request: '
    assert denied.value.message.startswith(f"{start}KT104 volume files: no Secret can be named ")
    applied = scenario.cluster.apply(manifest, scenario.namespace, check=False)
    assert applied.returncode != 0
    assert f"{start}KT104 " in applied.stderr
    with scenario.connection() as connection:
        review = review_of(manifest, scenario.namespace)
        answer = connection.post_review(scenario.mutate_path(), review)
    # post_review has seen the 200.
    assert (answer.allowed, answer.code, answer.patch) == (False, 403, None)
    assert denied.value.message == start + answer.message
    assert "\n" not in answer.message
    assert len(answer.message) <= DENIAL_CHARACTERS
    assert answer.audit_annotations == {"decision": "deny", "code": "KT104"}
    assert scenario.api.find("Pod", "hostile", scenario.namespace) is None


def test_s06_kubectl_shows_a_warning(scenario: Scenario) -> None:
    applied = scenario.cluster.apply(
        objects.deployment("web", **uses("absent", "password")), scenario.namespace
    )
    assert applied.warnings == [
        'KT103 Secret "absent" not found (container app, key password): Pods wait up to 60s'
    ]
    assert applied.stdout == "deployment.apps/web created\n"


def test_s06_a_long_warning_is_cut_to_what_is_shown(scenario: Scenario) -> None:
    secret, key = "s" * 250, "k" * 250
    applied = scenario.cluster.apply(
        objects.deployment("web", **uses(secret, key)), scenario.namespace
    )
    (warning,) = applied.warnings
    assert len(warning) <= WARNING_CHARACTERS
    assert re.fullmatch(
        r'KT103 Secret "s+\.\.\." not found \(container app, key k+\.\.\.\): '
        "Pods wait up to 60s",
        warning,
    )


def test_s06_a_newline_does_not_swallow_the_warning(scenario: Scenario) -> None:
    """The API server drops warnings with control characters without a word. Names of containers
    reach a mutating webhook before anybody has validated them."""
    spec = {"containers": [container(variable("absent", "password"), name='a\n"b"\t\x7f\u00e9')]}
    with pytest.raises(ApiError) as invalid:
        scenario.create(objects.pod("odd", **spec))
    assert invalid.value.status == 422
    with scenario.connection() as connection:
        review = review_of(objects.pod("odd", **spec), scenario.namespace)
        (warning,) = connection.post_review(scenario.mutate_path(), review).warnings
    assert warning.isascii() and warning.isprintable()
    assert len(warning) <= WARNING_CHARACTERS
    assert r"container a\x0a\x22b\x22\x09\x7f\xc3\xa9" in warning


def test_s07_the_decision_is_in_the_audit_log(scenario: Scenario) -> None:
    scenario.secret("db", password="x")
    scenario.create(objects.pod("held", **uses("absent", "password")))
    scenario.create(objects.pod("free", **uses("db", "password")))
    with pytest.raises(ApiError):
        scenario.create(objects.deployment("hostile", **secret_volume(OUTSIDE)))

    def noted(resource: str, name: str) -> dict[str, str]:
        event = scenario.audited("create", resource, name)
        return {k: v for k, v in event["annotations"].items() if ".keyturn.io/" in k}

    hold = {"pods.keyturn.io/decision": "hold", "pods.keyturn.io/code": "KT101"}
    assert noted("pods", "held") == hold
    assert noted("pods", "free") == {"pods.keyturn.io/decision": "allow"}
    assert noted("deployments", "hostile") == {
        "workloads.keyturn.io/decision": "deny",
        "workloads.keyturn.io/code": "KT104",
    }


def test_s07_no_value_reaches_the_audit_log_or_ours(scenario: Scenario) -> None:
    values = [f"planted-{number}-{scenario.namespace}" for number in (1, 2)]
    scenario.secret("db", password=values[0])
    scenario.create(objects.deployment("web", **uses("db", "password")))
    scenario.wait_rolled_out("Deployment", "web")
    scenario.change_secret("db", password=values[1])
    scenario.wait_roll("web")
    scenario.wait_rolled_out("Deployment", "web")
    patched = scenario.audited("patch", "deployments", "web", user=KEYTURN_USER)
    assert patched["level"] == "RequestResponse"
    texts = {
        "audit log": (scenario.cluster.log_folder / "audit.log").read_text(),
        "log": scenario.keyturn.replicas[0].stderr(),
        "metrics": scenario.keyturn.replicas[0].metrics().text,
        "events": json.dumps(scenario.api.list("Event", scenario.namespace)),
    }
    assert MARKER in texts["audit log"]
    for value in values:
        forms = {value, base64.b64encode(value.encode()).decode(), value.encode().hex()}
        for where, text in texts.items():
            assert not any(form in text for form in forms), where


# 22: names that no Secret can have.

HOSTILE_NAMES = {
    "dots": "../x",
    "slash": "a/b",
    "percent": "%2e%2e",
    "long": "a" * 300,
    "nul": "a\u0000b",
    "capital": "Db",
    "newline": "a\nb",
}


def hostile_specs() -> dict[str, tuple[str, Object]]:
    """{case: (code, arguments for objects.py)}"""
    cases: dict[str, tuple[str, Object]] = {}
    for name, secret in HOSTILE_NAMES.items():
        cases[f"env-{name}"] = ("KT104", uses(secret, "key"))
        cases[f"volume-{name}"] = ("KT104", secret_volume(secret))
    for name in ("dots", "slash", "percent", "long", "nul"):
        cases[f"key-{name}"] = ("KT106", uses("db", HOSTILE_NAMES[name]))
    return cases


@pytest.mark.sanitizers
def test_s22_hostile_names_are_denied_and_nobody_asks_for_them(scenario: Scenario) -> None:
    for case, (code, spec) in hostile_specs().items():
        for manifest in (objects.pod("hostile", **spec), objects.deployment("hostile", **spec)):
            with pytest.raises(ApiError) as denied:
                scenario.create(manifest)
            assert denied.value.status == 403, (case, denied.value.message)
            assert f".keyturn.io\" denied the request: {code} " in denied.value.message, case
            assert "\x00" not in denied.value.message
    # Keyturn does look for what it misses: this shows that the audit log would have told.
    scenario.create(objects.deployment("web", **uses("absent", "key")))

    def asked_for() -> list[str]:
        events = scenario.cluster.audit_events(
            scenario.audit_start, verb="get", resource="secrets", user=KEYTURN_USER
        )
        # Workloads of earlier tests may be looked at meanwhile, in namespaces that are going away.
        others = ("/api/v1/namespaces/test-", f"/api/v1/namespaces/{scenario.namespace}/")
        uris = [event["requestURI"] for event in events]
        return [u for u in uris if not u.startswith(others[0]) or u.startswith(others[1])]

    wanted = f"/api/v1/namespaces/{scenario.namespace}/secrets/absent"
    scenario.wait_for(lambda: wanted in asked_for(), "GET of the missing Secret")
    assert set(asked_for()) == {wanted}


def test_s22_an_empty_name_is_skipped(scenario: Scenario) -> None:
    """As the API server's own visitor of Secret names does; what it then says is its own."""
    for name, spec in (("no-name", uses("", "key")), ("no-key", uses("db", ""))):
        with pytest.raises(ApiError) as invalid:
            scenario.create(objects.pod(name, **spec))
        assert invalid.value.status == 422
        decision = scenario.decision("Pod", name)
        assert (decision["decision"], decision["references"]) == ("allow", 0)


def test_s22_an_update_is_denied_only_for_what_is_new_in_it(scenario: Scenario) -> None:
    """An object from before Keyturn came must stay editable."""
    review = recorded_review("deployment-update-kubectl-apply")
    request = review["request"]
    request["namespace"] = scenario.namespace
    for version in ("object", "oldObject"):
        request[version]["spec"]["template"]["spec"] |= secret_volume("../x")
    request["object"]["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
    with scenario.connection() as connection:
        answer = connection.post_review(scenario.mutate_path(), review)
        assert answer.allowed, answer.message
        request["object"]["spec"]["template"]["spec"] |= secret_volume("../y")
        answer = connection.post_review(scenario.mutate_path(), review)
        assert (answer.allowed, answer.code) == (False, 403)


# 24, 25, 42: what is let pass unseen.


def test_s24_an_object_that_is_being_deleted_is_always_allowed(scenario: Scenario) -> None:
    manifest = objects.deployment("web", replicas=0)
    manifest["metadata"]["finalizers"] = ["example.com/wait"]
    scenario.create(manifest)
    scenario.api.delete("Deployment", "web", scenario.namespace)
    hostile = secret_volume(OUTSIDE)
    patch = {"metadata": {"finalizers": None}, "spec": {"template": {"spec": hostile}}}
    scenario.api.patch("Deployment", "web", patch, scenario.namespace)
    scenario.wait_for(
        lambda: scenario.api.find("Deployment", "web", scenario.namespace) is None, "web gone"
    )
    assert scenario.decisions("Deployment", "web")[-1]["decision"] == "skip"


def test_s25_a_mirror_pod_is_not_delivered(scenario: Scenario) -> None:
    """The API server refuses Secrets in mirror Pods itself, so nothing of it may even arrive."""
    mirror = objects.pod("static", {"kubernetes.io/config.mirror": "x"}, nodeName="node-0")
    scenario.create(mirror)
    scenario.create(objects.pod("after"))
    assert webhook_notes(scenario.audited("create", "pods", "after"))
    assert webhook_notes(scenario.audited("create", "pods", "static")) == {}
    assert scenario.decision("Pod", "after")
    assert scenario.decisions("Pod", "static") == []


def test_s25_a_mirror_pod_that_arrives_is_skipped(scenario: Scenario) -> None:
    mirror = objects.pod("static", {"kubernetes.io/config.mirror": "x"}, **uses("absent", "key"))
    with scenario.connection() as connection:
        answer = connection.post_review(
            scenario.mutate_path(), review_of(mirror, scenario.namespace)
        )
    assert (answer.allowed, answer.patch, answer.warnings) == (True, None, [])
    assert answer.audit_annotations == {"decision": "skip"}


def test_s42_system_namespaces_and_leases_are_not_delivered(scenario: Scenario) -> None:
    api = scenario.api
    before = scenario.keyturn.metric("keyturn_decisions_total")
    mark = scenario.cluster.audit_mark()
    spec = uses("absent", "password")
    excluded = ("kube-system", "kube-public", "kube-node-lease", NAMESPACE)
    for namespace in excluded:
        scenario.wait_for(
            lambda: api.find("ServiceAccount", "default", namespace), "ServiceAccount default"
        )
        pod = api.create(objects.pod("s42", **spec), namespace)
        assert gates(pod.object) == [] and stamp(pod.object) is None and pod.warnings == []
        deployment = api.create(objects.deployment("s42", replicas=0, **spec), namespace)
        assert marker(deployment.object) is None and deployment.warnings == []
        api.delete("Deployment", "s42", namespace)
        api.delete("Pod", "s42", namespace, gracePeriodSeconds=0)
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "s42"}}
    scenario.create({**lease, "spec": {"holderIdentity": "x"}})
    scenario.secret("s42", password="x")
    scenario.api.patch("Secret", "s42", {"metadata": {"labels": {"a": "b"}}}, scenario.namespace)
    scenario.create(objects.pod("s42"))
    # The last one arrives, and nothing before it did.
    scenario.decision("Pod", "s42")
    assert scenario.keyturn.metric("keyturn_decisions_total") == before + 1
    written = [
        event
        for event in scenario.cluster.audit_events(mark, name="s42")
        if event["verb"] in ("create", "patch", "delete")
    ]
    assert {event["objectRef"]["namespace"] for event in written} > set(excluded)
    noted = [event["objectRef"]["namespace"] for event in written if webhook_notes(event)]
    assert noted == [scenario.namespace]


def test_s42_no_rule_reaches_further_than_it_says(scenario: Scenario) -> None:
    configuration = scenario.cluster.get("MutatingWebhookConfiguration", "keyturn")
    resources = []
    for webhook in configuration["webhooks"]:
        assert webhook["failurePolicy"] == "Ignore"
        assert webhook["reinvocationPolicy"] == "IfNeeded"
        assert go_seconds(f"{webhook['timeoutSeconds']}s") <= 10
        for rule in webhook["rules"]:
            assert "*" not in "".join(rule["apiGroups"] + rule["resources"] + rule["operations"])
            assert rule["scope"] == "Namespaced"
            resources += rule["resources"]
    assert sorted(resources) == sorted(
        ["pods", "pods/ephemeralcontainers", "deployments", "statefulsets", "daemonsets"]
        + ["replicasets", "cronjobs", "jobs"]
    )
