# SPDX-License-Identifier: Apache-2.0
"""The scripted Kubernetes API server, seen by a plain HTTP client."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any, Iterator, Optional
from urllib.parse import quote, urlencode

import pytest

from tests.support.api_server import ApiServer
from tests.support.kube_store import Resource

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        yield server


def secret(name: str = "s", namespace: str = "n", **extra: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "data": {"k": "dg=="},
        **extra,
    }


def pod(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "n"},
        "spec": {"containers": [{"name": "c"}], **spec},
    }


class Client:
    """One connection, as a client of the API server would keep it."""

    def __init__(self, api: ApiServer, token: Optional[str] = "test-token"):
        context = ssl.create_default_context(cadata=api.ca_pem)
        self.http = http.client.HTTPSConnection("127.0.0.1", api.port, context=context, timeout=10)
        self.token = token

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> http.client.HTTPResponse:
        headers = {"Accept": accept, "User-Agent": "tester/1"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = content_type
        self.http.request(method, path, data, headers)
        return self.http.getresponse()

    def call(self, method: str, path: str, body: Any = None, **options: str) -> tuple[int, Any]:
        response = self.send(method, path, body, **options)
        return response.status, json.loads(response.read())


class Watch:
    """An open watch and its events one by one."""

    def __init__(self, api: ApiServer, path: str, **query: str):
        self.client = Client(api)
        query = {"watch": "1", "allowWatchBookmarks": "true", **query}
        self.response = self.client.send("GET", f"{path}?{urlencode(query)}")
        assert self.response.status == 200, self.response.read()

    def next(self) -> Optional[tuple[str, dict[str, Any]]]:
        line = self.response.readline()
        if not line:
            return None
        event = json.loads(line)
        return event["type"], event["object"]

    def names(self, count: int) -> list[tuple[str, str]]:
        events = [self.next() for _ in range(count)]
        return [(each[0], each[1]["metadata"]["name"]) for each in events if each is not None]


SECRETS = "/api/v1/namespaces/n/secrets"


# -- authentication and the shape of failures --------------------------------------------------


def test_token_is_checked_and_can_change(api: ApiServer) -> None:
    api.put(secret())
    assert Client(api, None).call("GET", SECRETS)[0] == 401
    status, document = Client(api, "wrong").call("GET", SECRETS)
    assert (status, document["reason"], document["kind"]) == (401, "Unauthorized", "Status")
    api.set_token("second")
    assert Client(api).call("GET", SECRETS)[0] == 401
    assert Client(api, "second").call("GET", SECRETS)[0] == 200


def test_tokens_of_service_accounts_are_issued_as_the_test_says(api: ApiServer) -> None:
    path = "/api/v1/namespaces/n/serviceaccounts/app/token"
    client = Client(api)
    spec = {"audiences": ["a", "b"], "expirationSeconds": 600}
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    assert client.call("POST", path, body)[0] == 404
    api.issue_tokens(lambda *request: repr(request))
    assert client.call("POST", path, body)[0] == 404
    account = {"apiVersion": "v1", "kind": "ServiceAccount"}
    api.put({**account, "metadata": {"name": "app", "namespace": "n"}})
    api.clock.freeze(1_800_000_000)
    status, document = client.call("POST", path, body)
    assert (status, document["kind"], document["spec"]) == (201, "TokenRequest", spec)
    assert document["status"] == {
        "token": "('n', 'app', ['a', 'b'], 600)",
        "expirationTimestamp": "2027-01-15T08:10:00Z",
    }
    short = {**body, "spec": {**spec, "expirationSeconds": 599}}
    assert client.call("POST", path, short)[0] == 422
    assert client.call("POST", path, account)[0] == 400
    api.forbid("serviceaccounts", ["create"])
    assert client.call("POST", path, body)[0] == 403


def test_not_found_names_the_object_or_the_type(api: ApiServer) -> None:
    client = Client(api)
    status, document = client.call("GET", SECRETS + "/absent")
    assert (status, document["message"]) == (404, 'secrets "absent" not found')
    assert document["details"] == {"name": "absent", "kind": "secrets"}
    status, document = client.call("GET", "/apis/example.io/v1/things")
    assert (status, document["message"]) == (
        404,
        "the server could not find the requested resource",
    )
    api.unregister("ExternalSecret")
    assert client.call("GET", "/apis/external-secrets.io/v1/externalsecrets")[0] == 404
    assert client.call("GET", "/apis/external-secrets.io/v1/secretstores")[0] == 200


def test_forbidden_until_lifted(api: ApiServer) -> None:
    rule = api.forbid("secrets", ["list", "watch"])
    client = Client(api)
    status, document = client.call("GET", "/api/v1/secrets")
    assert status == 403 and document["message"] == (
        'secrets is forbidden: User "system:serviceaccount:keyturn-system:keyturn" cannot list '
        'resource "secrets" in API group "" at the cluster scope'
    )
    assert client.call("GET", "/api/v1/secrets?watch=1")[0] == 403
    assert client.call("POST", SECRETS, secret())[0] == 201
    rule.lift()
    assert client.call("GET", "/api/v1/secrets")[0] == 200


def test_discovery_and_version(api: ApiServer) -> None:
    client = Client(api)
    assert client.call("GET", "/version")[1]["gitVersion"] == "v1.36.3"
    assert client.send("GET", "/readyz").read() == b"ok"
    groups = {g["name"]: g for g in client.call("GET", "/apis")[1]["groups"]}
    versions = [v["version"] for v in groups["external-secrets.io"]["versions"]]
    assert versions == ["v1", "v1beta1"]
    listed = client.call("GET", "/apis/apps/v1")[1]["resources"]
    assert {"deployments", "statefulsets"} <= {each["name"] for each in listed}
    assert client.call("GET", "/apis/none.io/v1")[0] == 404


# -- objects -----------------------------------------------------------------------------------


def test_create_read_update_delete_with_conflicts(api: ApiServer) -> None:
    client = Client(api)
    status, made = client.call("POST", SECRETS, secret(stringData={"t": "text"}))
    assert status == 201 and made["metadata"]["uid"] and made["type"] == "Opaque"
    assert base64.b64decode(made["data"]["t"]) == b"text" and "stringData" not in made
    status, document = client.call("POST", SECRETS, secret())
    assert (status, document["reason"]) == (409, "AlreadyExists")
    assert document["message"] == 'secrets "s" already exists'

    changed = {**made, "data": {"k": "dzI="}}
    status, second = client.call("PUT", SECRETS + "/s", changed)
    assert status == 200
    assert int(second["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    status, document = client.call("PUT", SECRETS + "/s", changed)
    assert (status, document["reason"]) == (409, "Conflict")
    assert document["message"].startswith('Operation cannot be fulfilled on secrets "s": the obj')
    status, same = client.call("PUT", SECRETS + "/s", second)
    assert same["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]

    version = second["metadata"]["resourceVersion"]
    for wrong in ({"uid": "other"}, {"resourceVersion": "1"}):
        status, document = client.call("DELETE", SECRETS + "/s", {"preconditions": wrong})
        assert (status, document["reason"]) == (409, "Conflict")
    right = {"uid": made["metadata"]["uid"], "resourceVersion": version}
    status, document = client.call("DELETE", SECRETS + "/s", {"preconditions": right})
    assert (status, document["status"]) == (200, "Success")
    assert client.call("DELETE", SECRETS + "/s")[0] == 404
    assert api.get("secrets", "n", "s") is None


@pytest.mark.parametrize(
    "change,status",
    [
        ({"kind": "ConfigMap"}, 400),
        ({"apiVersion": "v2"}, 400),
        ({"metadata": {"name": "s", "namespace": "other"}}, 400),
        ({"metadata": {"name": "../x", "namespace": "n"}}, 422),
        ({"metadata": {"name": "S", "namespace": "n"}}, 422),
        ({"metadata": {"name": "s", "namespace": "n", "resourceVersion": "1"}}, 400),
        ({"data": {"k": "not base64"}}, 400),
    ],
)
def test_create_refuses(api: ApiServer, change: dict[str, Any], status: int) -> None:
    assert Client(api).call("POST", SECRETS, {**secret(), **change})[0] == status


def test_dry_run_changes_nothing(api: ApiServer) -> None:
    client = Client(api)
    assert client.call("POST", SECRETS + "?dryRun=All", secret())[0] == 201
    assert api.objects("secrets") == []
    api.put(secret())
    patch = {"data": {"k": "dzI="}}
    status, shown = client.call("PATCH", SECRETS + "/s?dryRun=All", patch, content_type=MERGE)
    assert status == 200 and shown["data"]["k"] == "dzI="
    assert client.call("DELETE", SECRETS + "/s?dryRun=All")[0] == 200
    assert api.objects("secrets")[0]["data"] == {"k": "dg=="}


def test_patches_by_content_type(api: ApiServer) -> None:
    gates = [{"name": "keyturn.io/secrets"}, {"name": "other"}]
    stored = api.put(pod("p", schedulingGates=gates))
    client, path = Client(api), "/api/v1/namespaces/n/pods/p"
    delete = {"spec": {"schedulingGates": [{"$patch": "delete", "name": "keyturn.io/secrets"}]}}
    version = stored["metadata"]["resourceVersion"]
    status, patched = client.call(
        "PATCH",
        path + "?fieldManager=keyturn",
        {"metadata": {"resourceVersion": version, "annotations": {"a": "1"}}, **delete},
        content_type=STRATEGIC,
    )
    assert status == 200 and patched["spec"]["schedulingGates"] == [{"name": "other"}]
    assert patched["metadata"]["annotations"] == {"a": "1"}
    assert patched["metadata"]["managedFields"][-1]["manager"] == "keyturn"
    stale = {"metadata": {"resourceVersion": version, "annotations": {"a": "2"}}}
    assert client.call("PATCH", path, stale, content_type=MERGE)[0] == 409
    operations = [{"op": "add", "path": "/metadata/annotations/b", "value": "2"}]
    status, patched = client.call("PATCH", path, operations, content_type=JSON_PATCH)
    assert status == 200 and patched["metadata"]["annotations"] == {"a": "1", "b": "2"}
    failing = [{"op": "test", "path": "/metadata/name", "value": "q"}]
    assert client.call("PATCH", path, failing, content_type=JSON_PATCH)[0] == 422
    assert client.call("PATCH", path, {}, content_type="application/json")[0] == 415
    before = patched["metadata"]["resourceVersion"]
    empty = client.call("PATCH", path, {}, content_type=MERGE)[1]
    assert empty["metadata"]["resourceVersion"] == before, "a patch that changes nothing"
    assert [each.status for each in api.requests("patch", "pods")] == [200, 409, 200, 422, 415, 200]


def test_custom_resource_in_both_versions_and_without_strategic_merge(api: ApiServer) -> None:
    client = Client(api)
    path = "/apis/external-secrets.io/{}/namespaces/n/externalsecrets"
    body = {
        "apiVersion": "external-secrets.io/v1beta1",
        "kind": "ExternalSecret",
        "metadata": {"name": "e"},
        "spec": {"refreshInterval": "1h"},
        "status": {"ignored": True},
    }
    assert client.call("POST", path.format("v1beta1"), body)[0] == 201
    found = client.call("GET", path.format("v1") + "/e")[1]
    assert found["apiVersion"] == "external-secrets.io/v1" and "status" not in found
    assert found["metadata"]["generation"] == 1
    patch = {"spec": {"refreshInterval": "2h"}}
    assert client.call("PATCH", path.format("v1") + "/e", patch, content_type=STRATEGIC)[0] == 415
    changed = client.call("PATCH", path.format("v1") + "/e", patch, content_type=MERGE)[1]
    assert changed["metadata"]["generation"] == 2
    status = {"status": {"conditions": [{"type": "Ready"}]}, "spec": {"refreshInterval": "3h"}}
    after = client.call("PATCH", path.format("v1") + "/e/status", status, content_type=MERGE)[1]
    assert after["status"]["conditions"] and after["spec"]["refreshInterval"] == "2h"
    assert after["metadata"]["generation"] == 2
    listed = client.call("GET", path.format("v1beta1"))[1]
    assert listed["kind"] == "ExternalSecretList"
    assert listed["items"][0]["apiVersion"] == "external-secrets.io/v1beta1"


def test_finalizers_delay_deletion(api: ApiServer) -> None:
    api.put({**pod("p"), "metadata": {"name": "p", "namespace": "n", "finalizers": ["f"]}})
    client = Client(api)
    client.call("DELETE", "/api/v1/namespaces/n/pods/p")
    held = api.get("pods", "n", "p")
    assert held is not None and held["metadata"]["deletionTimestamp"]
    patch = {"metadata": {"finalizers": None}}
    assert client.call("PATCH", "/api/v1/namespaces/n/pods/p", patch, content_type=MERGE)[0] == 200
    assert api.get("pods", "n", "p") is None


def test_generate_name_events_and_leases(api: ApiServer) -> None:
    client = Client(api)
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": "p."},
        "involvedObject": {"kind": "Pod", "name": "p"},
        "reason": "Held",
    }
    made = client.call("POST", "/api/v1/namespaces/n/events", event)[1]
    assert made["metadata"]["name"].startswith("p.")
    found = client.call("GET", "/api/v1/namespaces/n/events?fieldSelector=reason%3DHeld")[1]
    assert len(found["items"]) == 1
    leases = "/apis/coordination.k8s.io/v1/namespaces/n/leases"
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "keyturn"},
        "spec": {"holderIdentity": "a"},
    }
    first = client.call("POST", leases, lease)[1]
    takeover = {**first, "spec": {"holderIdentity": "b"}}
    assert client.call("PUT", leases + "/keyturn", takeover)[0] == 200
    assert client.call("PUT", leases + "/keyturn", takeover)[0] == 409


def test_python_side_puts_patches_and_waits(api: ApiServer) -> None:
    first = api.put({**secret(), "metadata": {"name": "s", "namespace": "n", "uid": "fixed"}})
    assert first["metadata"]["uid"] == "fixed"
    second = api.put(secret(data={"k": "dzI="}))
    assert second["metadata"]["uid"] == "fixed" and second["data"] == {"k": "dzI="}
    api.patch("secrets", "n", "s", {"metadata": {"labels": {"l": "1"}}})
    threading.Timer(0.05, api.delete, ("secrets", "n", "s")).start()
    assert api.wait_object("secrets", "n", "s", lambda obj: obj is None) is None
    with pytest.raises(TimeoutError):
        api.wait_object("secrets", "n", "s", timeout=0.05)


def test_times_follow_the_settable_clock(api: ApiServer) -> None:
    api.clock.freeze(1_800_000_000)
    response = Client(api).send("POST", SECRETS, secret())
    assert response.getheader("Date") == "Fri, 15 Jan 2027 08:00:00 GMT"
    assert json.loads(response.read())["metadata"]["creationTimestamp"] == "2027-01-15T08:00:00Z"


# -- lists -------------------------------------------------------------------------------------


def test_list_pages_are_consistent_and_tokens_expire(api: ApiServer) -> None:
    for number in range(7):
        api.put(secret(f"s{number}"))
    client = Client(api)
    first = client.call("GET", SECRETS + "?limit=3")[1]
    assert (first["kind"], first["apiVersion"]) == ("SecretList", "v1")
    assert first["metadata"]["remainingItemCount"] == 4
    assert "kind" not in first["items"][0] and "apiVersion" not in first["items"][0]
    api.put(secret("later"))
    api.delete("secrets", "n", "s5")
    names, token = [i["metadata"]["name"] for i in first["items"]], first["metadata"]["continue"]
    while token:
        page = client.call("GET", f"{SECRETS}?limit=3&continue={quote(token)}")[1]
        assert page["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        names += [item["metadata"]["name"] for item in page["items"]]
        token = page["metadata"].get("continue")
    assert names == [f"s{number}" for number in range(7)]
    token = client.call("GET", SECRETS + "?limit=3")[1]["metadata"]["continue"]
    api.expire_continue_tokens()
    status, document = client.call("GET", f"{SECRETS}?limit=3&continue={quote(token)}")
    assert (status, document["reason"]) == (410, "Expired")


def test_selectors(api: ApiServer) -> None:
    api.put(secret("plain"))
    api.put(secret("release", type="helm.sh/release.v1"))
    api.put(secret("other", "m"))
    api.patch("secrets", "n", "plain", {"metadata": {"labels": {"app": "a", "tier": "x"}}})
    api.put(pod("bound", nodeName="node"))
    api.put(pod("unbound"))
    client = Client(api)

    def names(path: str, **query: str) -> list[str]:
        status, document = client.call("GET", f"{path}?{urlencode(query)}")
        assert status == 200, document
        return [item["metadata"]["name"] for item in document["items"]]

    secrets, pods = "/api/v1/secrets", "/api/v1/pods"
    assert names(secrets) == ["other", "plain", "release"]
    assert names(secrets, fieldSelector="type!=helm.sh/release.v1") == ["other", "plain"]
    assert names(secrets, fieldSelector="metadata.name=plain,metadata.namespace=n") == ["plain"]
    assert names(pods, fieldSelector="spec.nodeName=") == ["unbound"]
    assert names(pods, fieldSelector="spec.nodeName==node") == ["bound"]
    assert names(secrets, labelSelector="app=a") == ["plain"]
    assert names(secrets, labelSelector="app in (a, b),tier") == ["plain"]
    assert names(secrets, labelSelector="app notin (a),!tier") == ["other", "release"]
    status, document = client.call("GET", secrets + "?fieldSelector=data.k%3Dv")
    assert (status, document["message"]) == (400, "field label not supported: data.k")


def test_metadata_only_lists_gets_and_watches(api: ApiServer) -> None:
    api.put(pod("p"))
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    listed = Client(api).call("GET", "/api/v1/pods", accept=accept)[1]
    assert listed["kind"] == "PartialObjectMetadataList"
    assert listed["items"][0]["kind"] == "PartialObjectMetadata"
    assert "spec" not in listed["items"][0] and listed["items"][0]["metadata"]["name"] == "p"


def test_500_secrets_of_1_mib_are_streamed(api: ApiServer) -> None:
    value = base64.b64encode(b"x" * (1024 * 1024)).decode()
    api.add_virtual("secrets", "big", 500, lambda index: {"data": {"v": value}, "type": "Opaque"})
    api.put(secret("small"))
    response = Client(api).send("GET", "/api/v1/secrets")
    tracemalloc.start()
    received, items, tail = 0, 0, b""
    while data := response.read(1 << 20):
        received += len(data)
        joined = tail + data
        items += joined.count(b'"resourceVersion":')
        tail = joined[-18:]
        items -= tail.count(b'"resourceVersion":')
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert items == 502, "501 objects and the list itself"
    assert received > 500 * 1024 * 1024 * 4 // 3 and peak < 64 * 1024 * 1024
    assert api.bytes_sent("secrets", "list") == received
    page = Client(api).call("GET", "/api/v1/namespaces/big/secrets?limit=2")[1]
    assert [i["metadata"]["name"] for i in page["items"]] == ["virtual-000000", "virtual-000001"]
    assert page["metadata"]["remainingItemCount"] == 498


# -- watches -----------------------------------------------------------------------------------


def test_watch_follows_from_the_lists_version(api: ApiServer) -> None:
    api.put(secret("before"))
    listed = Client(api).call("GET", "/api/v1/secrets")[1]
    watch = Watch(api, "/api/v1/secrets", resourceVersion=listed["metadata"]["resourceVersion"])
    api.put(secret("a"))
    api.put(secret("a", data={"k": "dzI="}))
    api.put(pod("unrelated"))
    api.delete("secrets", "n", "a")
    events = [watch.next() for _ in range(3)]
    assert [each[0] for each in events if each] == ["ADDED", "MODIFIED", "DELETED"]
    added, deleted = events[0], events[2]
    assert added is not None and added[1]["kind"] == "Secret" and added[1]["apiVersion"] == "v1"
    assert deleted is not None
    assert int(deleted[1]["metadata"]["resourceVersion"]) == api.resource_version()
    (watcher,) = api.watchers("secrets")
    assert watcher.events_sent == 3
    assert watcher.start_version == listed["metadata"]["resourceVersion"]


def test_watch_resumes_where_it_broke_off(api: ApiServer) -> None:
    start = str(api.resource_version())
    watch = Watch(api, "/api/v1/secrets", resourceVersion=start)
    api.put(secret("one"))
    event = watch.next()
    assert event is not None
    (watcher,) = api.watchers("secrets")
    watcher.cut()
    with pytest.raises(http.client.IncompleteRead):
        watch.response.read()
    watcher.wait_ended()
    api.put(secret("two"))
    again = Watch(api, "/api/v1/secrets", resourceVersion=event[1]["metadata"]["resourceVersion"])
    assert again.names(1) == [("ADDED", "two")]


def test_watch_without_version_announces_what_is_there(api: ApiServer) -> None:
    api.put(secret("a"))
    api.put(secret("b", "m"))
    watch = Watch(api, "/api/v1/secrets")
    assert watch.names(2) == [("ADDED", "b"), ("ADDED", "a")]
    initial = Watch(api, SECRETS, sendInitialEvents="true", resourceVersionMatch="NotOlderThan")
    assert initial.names(1) == [("ADDED", "a")]
    bookmark = initial.next()
    assert bookmark is not None and bookmark[0] == "BOOKMARK"
    assert bookmark[1]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_watch_with_selector_turns_changes_into_additions_and_deletions(api: ApiServer) -> None:
    version = str(api.resource_version())
    watch = Watch(api, "/api/v1/pods", resourceVersion=version, fieldSelector="spec.nodeName=")
    api.put(pod("p"))
    api.patch("pods", "n", "p", {"metadata": {"labels": {"l": "1"}}})
    api.patch("pods", "n", "p", {"spec": {"nodeName": "node"}})
    api.patch("pods", "n", "p", {"metadata": {"labels": {"l": "2"}}})
    api.patch("pods", "n", "p", {"spec": {"nodeName": None}})
    kinds = [kind for kind, _ in watch.names(4)]
    assert kinds == ["ADDED", "MODIFIED", "DELETED", "ADDED"]


def test_watch_of_one_namespace(api: ApiServer) -> None:
    watch = Watch(api, SECRETS, resourceVersion=str(api.resource_version()))
    api.put(secret("foreign", "m"))
    api.put(secret("own"))
    assert watch.names(1) == [("ADDED", "own")]


def test_bookmarks_on_demand_at_intervals_and_only_where_allowed(api: ApiServer) -> None:
    watch = Watch(api, "/api/v1/secrets", resourceVersion=str(api.resource_version()))
    api.put(pod("p"))
    api.watchers("secrets")[0].bookmark()
    event = watch.next()
    assert event is not None and event[0] == "BOOKMARK"
    assert event[1]["metadata"]["resourceVersion"] == str(api.resource_version())
    assert event[1]["kind"] == "Secret"
    with ApiServer(bookmark_seconds=0.05) as quick:
        regular = Watch(quick, "/api/v1/secrets", resourceVersion=str(quick.resource_version()))
        assert [each[0] for _ in range(3) if (each := regular.next())] == ["BOOKMARK"] * 3
        silent = Watch(quick, "/api/v1/configmaps", allowWatchBookmarks="false")
        quick.wait_watchers("configmaps")[0].bookmark()
        quick.put({"kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}})
        assert silent.names(1) == [("ADDED", "c")]


def test_timeout_seconds_end_the_stream_in_order(api: ApiServer) -> None:
    started = time.monotonic()
    watch = Watch(
        api, "/api/v1/secrets", resourceVersion=str(api.resource_version()), timeoutSeconds="1"
    )
    assert watch.next() is None
    assert 0.5 < time.monotonic() - started < 5
    status, _ = watch.client.call("GET", "/api/v1/secrets")
    assert status == 200, "the connection can be used again"


def test_closing_the_connection_ends_the_watch(api: ApiServer) -> None:
    watch = Watch(api, "/api/v1/secrets")
    (watcher,) = api.wait_watchers("secrets")
    watch.response.close()
    watch.client.http.close()
    watcher.wait_ended()
    assert api.watchers() == []


# -- 410 ---------------------------------------------------------------------------------------


def test_compacted_history_gives_410_as_an_event(api: ApiServer) -> None:
    version = str(api.resource_version())
    api.put(secret("a"))
    api.compact("secrets")
    watch = Watch(api, "/api/v1/secrets", resourceVersion=version)
    event = watch.next()
    assert event is not None and event[0] == "ERROR"
    assert (event[1]["code"], event[1]["reason"]) == (410, "Expired")
    assert event[1]["message"].startswith(f"too old resource version: {version} (")
    assert watch.next() is None
    fresh = Watch(api, "/api/v1/secrets", resourceVersion=str(api.resource_version()))
    api.put(secret("b"))
    assert fresh.names(1) == [("ADDED", "b")]


def test_410_on_demand_as_status_as_event_and_in_an_open_watch(api: ApiServer) -> None:
    version = str(api.resource_version())
    path = f"/api/v1/secrets?watch=1&resourceVersion={version}"
    api.fail("gone", verb="watch", resource="secrets", times=1)
    status, document = Client(api).call("GET", path)
    assert (status, document["code"], document["reason"]) == (410, 410, "Expired")
    api.fail("gone", verb="watch", where="event", times=1)
    event = Watch(api, "/api/v1/secrets", resourceVersion=version).next()
    assert event is not None and (event[0], event[1]["code"]) == ("ERROR", 410)
    watch = Watch(api, "/api/v1/secrets", resourceVersion=version)
    api.watchers("secrets")[-1].gone()  # the one before may not have gone yet
    event = watch.next()
    assert event is not None and (event[0], event[1]["code"]) == ("ERROR", 410)
    assert watch.next() is None
    api.fail("gone", verb="list", times=1)
    assert Client(api).call("GET", "/api/v1/secrets")[0] == 410
    assert Client(api).call("GET", "/api/v1/secrets")[0] == 200


# -- faults ------------------------------------------------------------------------------------


def test_status_faults_by_verb_and_resource(api: ApiServer) -> None:
    api.put(secret())
    api.fail("status", verb="list", resource="secrets", code=503, retry_after=7, times=1)
    client = Client(api)
    assert client.call("GET", "/api/v1/pods")[0] == 200
    assert client.call("GET", SECRETS + "/s")[0] == 200
    response = client.send("GET", SECRETS)
    assert (response.status, response.getheader("Retry-After")) == (503, "7")
    assert json.loads(response.read())["kind"] == "Status"
    assert client.call("GET", SECRETS)[0] == 200
    api.fail("forbidden", verb="get", name="s", times=1)
    assert client.call("GET", SECRETS + "/s")[0] == 403
    api.fail("status", verb="patch", code=500, times=1)
    assert client.call("PATCH", SECRETS + "/s", {}, content_type=MERGE)[0] == 500
    with pytest.raises(ValueError):
        api.fail("stall", verb="get")


def test_hold_delays_a_write_until_released(api: ApiServer) -> None:
    hold = api.fail("hold", verb="create", resource="secrets", times=1)
    answer: list[int] = []
    thread = threading.Thread(
        target=lambda: answer.append(Client(api).call("POST", SECRETS, secret())[0])
    )
    thread.start()
    hold.wait_held()
    assert api.objects("secrets") == [] and api.requests("create")[0].status is None
    api.put(secret())
    hold.release()
    thread.join()
    assert answer == [409], "somebody else was faster"


def test_delay_never_and_resets(api: ApiServer) -> None:
    api.fail("delay", verb="list", ms=200, times=1)
    started = time.monotonic()
    assert Client(api).call("GET", SECRETS)[0] == 200
    assert time.monotonic() - started >= 0.2
    for kind in ("reset_before_headers", "close_before_headers"):
        api.fail(kind, verb="list", times=1)
        with pytest.raises((ConnectionError, ssl.SSLError)):
            Client(api).call("GET", SECRETS)
    never = api.fail("never", verb="list", times=1)
    client = Client(api)
    client.http.connect()
    client.http.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.call("GET", SECRETS)
    never.wait_held()
    never.clear()


def test_half_body_and_garbage_of_an_object(api: ApiServer) -> None:
    api.put(secret())
    api.fail("half_body", verb="get", times=1)
    with pytest.raises((http.client.IncompleteRead, ssl.SSLError)):
        Client(api).send("GET", SECRETS + "/s").read()
    api.fail("garbage", verb="get", times=1)
    with pytest.raises(ValueError):
        Client(api).call("GET", SECRETS + "/s")
    api.fail("drip", verb="list", chunk=50, interval_ms=1, times=1)
    assert len(Client(api).call("GET", SECRETS)[1]["items"]) == 1


def until_broken(response: http.client.HTTPResponse) -> bytes:
    """What arrives of a body before its connection breaks."""
    received = b""
    with pytest.raises((http.client.IncompleteRead, ConnectionError, ssl.SSLError)):
        while byte := response.read(1):
            received += byte
        raise AssertionError("ended in order")
    return received


@pytest.mark.parametrize("reset", [False, True])
def test_list_cut_in_the_middle_of_an_object(api: ApiServer, reset: bool) -> None:
    for number in range(3):
        api.put(secret(f"s{number}"))
    api.fail("cut", verb="list", after=1, bytes=30, reset=reset, times=1)
    received = until_broken(Client(api).send("GET", SECRETS))
    if not reset:
        assert received.endswith(b'},{"metadata":{"name":"s1","nam')
    assert len(Client(api).call("GET", SECRETS)[1]["items"]) == 3


def test_watch_cut_in_the_middle_of_an_object(api: ApiServer) -> None:
    api.fail("cut", verb="watch", after=1, bytes=25, times=1)
    watch = Watch(api, SECRETS, resourceVersion=str(api.resource_version()))
    api.put(secret("a"))
    api.put(secret("b"))
    assert watch.names(1) == [("ADDED", "a")]
    assert until_broken(watch.response) == b'{"type":"ADDED","object":'


def test_huge_object_in_list_watch_and_get(api: ApiServer) -> None:
    api.put(secret("a"))
    api.put(secret("b"))
    size = 5 * 1024 * 1024
    api.fail("huge", verb="list", size=size, times=1)
    items = Client(api).call("GET", SECRETS)[1]["items"]
    lengths = [len(json.dumps(item)) for item in items]
    assert lengths[0] > size and lengths[1] < 2000
    api.fail("huge", verb="get", size=size, times=1)
    assert len(Client(api).send("GET", SECRETS + "/a").read()) > size
    api.fail("huge", verb="watch", size=size, times=1)
    watch = Watch(api, SECRETS)
    event = watch.next()
    assert event is not None
    assert len(event[1]["metadata"]["annotations"]["padding"]) == size
    assert watch.names(1) == [("ADDED", "b")]


def test_stalled_watch_sends_nothing_until_resumed(api: ApiServer) -> None:
    api.fail("stall", verb="watch", times=1)
    watch = Watch(api, SECRETS, resourceVersion=str(api.resource_version()))
    (watcher,) = api.wait_watchers("secrets")
    api.put(secret("a"))
    other = Watch(api, SECRETS, resourceVersion="1")
    assert other.names(1) == [("ADDED", "a")]
    assert watcher.events_sent == 0
    watcher.resume()
    assert watch.names(1) == [("ADDED", "a")]
    watcher.stall()
    api.put(secret("b"))
    assert other.names(1) == [("ADDED", "b")]
    assert watcher.events_sent == 1
    watcher.resume()
    assert watch.names(1) == [("ADDED", "b")]


def test_raw_bytes_and_end_of_a_watch(api: ApiServer) -> None:
    watch = Watch(api, SECRETS)
    (watcher,) = api.wait_watchers("secrets")
    watcher.send_raw(b'{"type":"MOD')
    watcher.send_raw(b"nonsense\n")
    assert watch.response.readline() == b'{"type":"MODnonsense\n'
    watcher.end()
    assert watch.next() is None


# -- records -----------------------------------------------------------------------------------


def test_requests_are_recorded_without_showing_bodies(api: ApiServer) -> None:
    client = Client(api)
    client.call("POST", SECRETS + "?fieldManager=keyturn", secret(data={"k": "cGxhbnRlZA=="}))
    client.call("GET", SECRETS)
    (created,) = api.requests("create", "secrets", namespace="n")
    assert created.query == {"fieldManager": "keyturn"} and created.status == 201
    assert created.body["data"] == {"k": "cGxhbnRlZA=="} and "cGxhbnRlZA" not in repr(created)
    assert created.user_agent == "tester/1"
    assert api.counts() == {"create secrets": 1, "list secrets": 1}
    assert api.bytes_sent("secrets", "list") > 100 and api.bytes_sent("pods") == 0
    assert created.connection == api.requests("list")[0].connection
    assert api.wait_requests(1, "list", "secrets")[0].status == 200
    api.reset_requests()
    assert api.count() == 0


def test_kubeconfig_holds_server_authority_and_token(api: ApiServer, tmp_path: Path) -> None:
    path = api.kubeconfig(tmp_path / "kubeconfig")
    text = path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    assert f"server: {api.url}" in text and "token: test-token" in text
    encoded = text.partition("certificate-authority-data: ")[2].partition("\n")[0]
    assert base64.b64decode(encoded).decode() == api.ca_pem


def test_any_type_can_be_registered(api: ApiServer) -> None:
    api.register(Resource("argoproj.io", ("v1alpha1",), "rollouts", "Rollout", custom=True))
    api.put({"kind": "Rollout", "metadata": {"name": "r", "namespace": "n"}, "spec": {}})
    path = "/apis/argoproj.io/v1alpha1/namespaces/n/rollouts/r"
    found = Client(api).call("GET", path)[1]
    assert found["apiVersion"] == "argoproj.io/v1alpha1"


def test_plain_http_without_token() -> None:
    with ApiServer(tls=False, token=None) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", "/api/v1/secrets")
        assert json.loads(connection.getresponse().read())["items"] == []


def test_many_watches_at_once(api: ApiServer) -> None:
    version = str(api.resource_version())
    watches = [Watch(api, "/api/v1/secrets", resourceVersion=version) for _ in range(60)]
    api.wait_watchers("secrets", 60)
    api.put(secret("a"))
    assert all(watch.names(1) == [("ADDED", "a")] for watch in watches)
