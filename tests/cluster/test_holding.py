# SPDX-License-Identifier: Apache-2.0
"""Scenarios 20, 21, 51, 53, 70 and 72: which Pods wait for a Secret, until when, and which never.

Nobody makes Secrets from ExternalSecrets here: what is missing stays missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.cluster import objects
from tests.cluster.api import STRATEGIC_MERGE_PATCH, ApiError, Object
from tests.cluster.control_plane import ControlPlane
from tests.cluster.keyturn import CHART, NAMESPACE, RELEASE, Keyturn
from tests.cluster.scenario import (
    GATE,
    KEYTURN_USER,
    QUICK,
    STAMP,
    Scenario,
    container,
    gates,
    is_hash,
    marker,
    stamp,
    uses,
    variable,
    webhook_patches,
)
from tests.support.process import Process

KEYTURN: dict[str, Any] = {"options": QUICK, "values": {"crds": {"install": True}}}

FOREIGN_GATE = "example.com/quota"


# 20: every place of a Pod that names a Secret.


def volume(kind: str, **source: Any) -> Object:
    return {"volumes": [{"name": "files", kind: source}]}


REFERENCE = {"secretRef": {"name": "db"}}


@dataclass(frozen=True)
class Place:
    """`spec`: what refers to the Secret `db`. `key`: the one key it needs, if it names one.
    `holds`: waiting for the Secret helps. `rolls`: it is read at start only, so it is hashed."""

    spec: Object
    where: str
    key: str | None = None
    holds: bool = True
    rolls: bool = False
    unheld: str = ""


def env_places(container_list: str, title: str) -> Iterator[tuple[str, Place]]:
    key = {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}]}
    whole = {"envFrom": [REFERENCE]}
    for name, part, wanted in (("env", key, "password"), ("envFrom", whole, None)):
        spec: Object = {"containers": [container()]}
        added = {"name": "x", "image": objects.IMAGE, **part}
        spec[container_list] = [*spec.get(container_list, []), added]
        yield f"{name}-{container_list}", Place(spec, f"{title} x", key=wanted, rolls=True)


FILES = "volume files"
ITEMS = [{"key": "password", "path": "p"}]
UNMOUNTABLE = "the volume cannot be mounted"

PLACES: dict[str, Place] = {
    **dict(env_places("containers", "container")),
    **dict(env_places("initContainers", "init container")),
    "volume": Place(volume("secret", secretName="db"), FILES),
    "volume-items": Place(volume("secret", secretName="db", items=ITEMS), FILES, key="password"),
    "projected": Place(volume("projected", sources=[{"secret": {"name": "db"}}]), FILES),
    "projected-items": Place(
        volume("projected", sources=[{"secret": {"name": "db", "items": ITEMS}}]),
        FILES,
        key="password",
    ),
    "pull-secret": Place(
        {"imagePullSecrets": [{"name": "db"}]},
        "imagePullSecrets",
        holds=False,
        unheld="images are pulled without it",
    ),
    "csi": Place(
        volume("csi", driver="csi.example.com", nodePublishSecretRef={"name": "db"}), FILES
    ),
    "azure-file": Place(volume("azureFile", secretName="db", shareName="s"), FILES),
    "iscsi": Place(
        volume(
            "iscsi",
            targetPortal="192.0.2.1:3260",
            iqn="iqn.2001-04.com.example:storage",
            lun=0,
            chapAuthSession=True,
            initiatorName="iqn.2001-04.com.example:node",
            **REFERENCE,
        ),
        FILES,
    ),
    "flex": Place(volume("flexVolume", driver="example.com/flex", **REFERENCE), FILES),
    "cinder": Place(volume("cinder", volumeID="v", **REFERENCE), FILES),
    # Their drivers are no longer in kubelet: no Secret makes such a Pod start.
    "cephfs": Place(
        volume("cephfs", monitors=["192.0.2.1"], **REFERENCE),
        FILES,
        holds=False,
        unheld=UNMOUNTABLE,
    ),
    "rbd": Place(
        volume("rbd", monitors=["192.0.2.1"], image="i", **REFERENCE),
        FILES,
        holds=False,
        unheld=UNMOUNTABLE,
    ),
    "scale-io": Place(
        volume("scaleIO", gateway="g", system="s", volumeName="v", fsType="xfs", **REFERENCE),
        FILES,
        holds=False,
        unheld=UNMOUNTABLE,
    ),
    "storage-os": Place(
        volume("storageos", volumeName="v", **REFERENCE), FILES, holds=False, unheld=UNMOUNTABLE
    ),
}


def ours(warnings: list[str]) -> list[str]:
    """Without the API server's own, about volumes that are deprecated."""
    return [warning for warning in warnings if warning.startswith("KT")]


@pytest.mark.sanitizers
def test_s20_each_reference_is_found(scenario: Scenario) -> None:
    """Without the Secret a Pod with it waits, or at least its author is told."""
    for case, place in PLACES.items():
        response = scenario.create(objects.pod(case.lower(), **place.spec))
        code, end = ("KT101", "Pod waits up to 60s") if place.holds else ("KT103", place.unheld)
        key = f", key {place.key}" if place.key else ""
        assert ours(response.warnings) == [
            f'{code} Secret "db" not found ({place.where}{key}): {end}'
        ], case
        assert gates(response.object) == ([GATE] if place.holds else []), case
        assert stamp(response.object) is None, case
    scenario.secret("db", other="x")
    # Places that need any key, or none, are content; those that name one wait on for it.
    for case, place in PLACES.items():
        if place.holds and place.key is None:
            scenario.wait_running(case.lower())
    for case, place in PLACES.items():
        if place.key:
            response = scenario.create(objects.pod(f"{case.lower()}-key", **place.spec))
            assert response.warnings == [
                f'KT102 Secret "db" has no key "password" ({place.where}): Pod waits up to 60s'
            ], case
    scenario.change_secret("db", password="y")
    for case, place in PLACES.items():
        # Started when `db` was there already, and with what is there now.
        response = scenario.create(objects.pod(f"{case.lower()}-late", **place.spec))
        assert (ours(response.warnings), gates(response.object)) == ([], []), case
        assert is_hash(stamp(response.object)) is place.rolls, case
        if place.holds:
            assert GATE not in gates(scenario.wait_running(case.lower())), case


def test_s20_a_file_mounted_by_sub_path_is_hashed(scenario: Scenario) -> None:
    """kubelet never refreshes it, as it does the files of a whole volume."""
    mount = {"name": "files", "mountPath": "/p", "subPath": "password"}
    spec = {
        **volume("secret", secretName="db"),
        "containers": [container(volumeMounts=[mount])],
    }
    missing = 'KT101 Secret "db" not found (volume files): Pod waits up to 60s'
    assert scenario.create(objects.pod("early", **spec)).warnings == [missing]
    scenario.secret("db", password="x", other="1")
    first = scenario.create(objects.pod("first", **spec)).object
    assert is_hash(stamp(first)) and stamp(scenario.wait_running("early")) == stamp(first)
    for key, counts in (("other", False), ("password", True)):
        # A Pod that uses just this key tells when the change is known.
        probe = objects.pod("probe", **uses("db", key))
        before = stamp(scenario.create(probe, dryRun="All").object)
        scenario.change_secret("db", **{key: "2"})
        scenario.wait_for(
            lambda: stamp(scenario.create(probe, dryRun="All").object) != before, "known change"
        )
        later = scenario.create(objects.pod(f"after-{key}", **spec)).object
        assert (stamp(later) != stamp(first)) is counts


def test_s20_an_ephemeral_container_is_checked_but_never_held(scenario: Scenario) -> None:
    scenario.create(objects.pod("web"))
    before = scenario.wait_running("web")

    def debug(name: str, **part: Any) -> Any:
        added = {"name": name, "image": objects.IMAGE, **part}
        return scenario.api.patch(
            "Pod",
            "web",
            {"spec": {"ephemeralContainers": [added]}},
            scenario.namespace,
            subresource="ephemeralcontainers",
            content_type=STRATEGIC_MERGE_PATCH,
        )

    from_key = {"env": [variable("db", "password")]}
    (warning,) = debug("first", **from_key).warnings
    assert warning == (
        'KT103 Secret "db" not found (ephemeral container first, key password): '
        "kubelet waits for it"
    )
    (warning,) = debug("second", envFrom=[REFERENCE]).warnings
    assert warning.startswith('KT103 Secret "db" not found (ephemeral container second): ')
    scenario.secret("db", password="x")
    response = debug("third", **from_key)
    assert response.warnings == []
    assert stamp(response.object) == stamp(before)
    with pytest.raises(ApiError) as denied:
        debug("fourth", env=[variable("db", "../password")])
    assert denied.value.status == 403 and "KT106 ephemeral container fourth" in denied.value.message


# 21, 51: a Pod waits, and is released.


@pytest.mark.sanitizers
def test_s21_a_missing_secret_or_key_holds_the_pod_and_warns_about_the_workload(
    scenario: Scenario,
) -> None:
    scenario.secret("db", other="x")
    missing = {
        "secret": ("absent", 'Secret "absent" not found (container app, key password)'),
        "key": ("db", 'Secret "db" has no key "password" (container app)'),
    }
    codes = {"secret": ("KT101", "KT103"), "key": ("KT102", "KT105")}
    for case, (secret, what) in missing.items():
        of_pod, of_workload = codes[case]
        pod = scenario.create(objects.pod(case, **uses(secret, "password")))
        assert pod.warnings == [f"{of_pod} {what}: Pod waits up to 60s"]
        assert gates(pod.object) == [GATE] and stamp(pod.object) is None
        workload = scenario.create(objects.deployment(f"{case}s", **uses(secret, "password")))
        assert workload.warnings == [f"{of_workload} {what}: Pods wait up to 60s"]
        assert marker(workload.object) is None
        scenario.wait_held(f"{case}s")
        scenario.wait_event(case, "HeldForSecret", f"waits for Secret {secret} key password")
    shown = scenario.cluster.kubectl("get", "pods", "-n", scenario.namespace).stdout
    assert shown.count("SchedulingGated") == 4
    assert scenario.keyturn.metric("keyturn_held_pods") >= 4


def test_s21_an_optional_reference_is_silent(scenario: Scenario) -> None:
    scenario.secret("db", other="x")
    optional = [variable("absent", "a", True), variable("db", "b", True)]
    spec = {"containers": [container(*optional)]}
    pod = scenario.create(objects.pod("web", **spec))
    workload = scenario.create(objects.deployment("webs", **spec))
    assert pod.warnings == workload.warnings == []
    assert gates(pod.object) == []
    # Its absence is part of the hash: its appearance rolls.
    assert is_hash(stamp(pod.object)) and marker(workload.object) == stamp(pod.object)


def test_s21_many_missing_secrets_give_a_bounded_answer(scenario: Scenario) -> None:
    env = [{**variable(f"absent-{n:02}", "k"), "name": f"V{n}"} for n in range(40)]
    warnings = scenario.create(objects.pod("web", containers=[container(*env)])).warnings
    assert len(warnings) == 16
    assert len(set(warnings)) == 16
    assert all(warning.startswith("KT101 ") for warning in warnings[:-1])
    assert warnings[-1].startswith("KT109 ")


@pytest.mark.sanitizers
def test_s51_a_pod_waits_for_each_secret_and_key_and_is_released_and_stamped_at_once(
    scenario: Scenario,
) -> None:
    spec = {"containers": [container(variable("db", "a"), variable("db", "b"))]}
    created = scenario.create(objects.pod("web", **spec)).object
    (patch,) = webhook_patches(scenario.audited("create", "pods", "web"))
    assert patch == [{"op": "add", "path": "/spec/schedulingGates", "value": [{"name": GATE}]}]
    scenario.wait_event("web", "HeldForSecret", "waits for Secret db key a")
    scenario.secret("db", a="1")
    # Keyturn has looked again, and it is the other key that it waits for.
    scenario.wait_event("web", "HeldForSecret", "waits for Secret db key b")
    held = scenario.get("Pod", "web")
    assert gates(held) == [GATE] and stamp(held) is None
    scenario.change_secret("db", b="2")
    released = scenario.wait_running("web")
    assert is_hash(stamp(released)) and gates(released) == []
    assert stamp(released) == stamp(scenario.create(objects.pod("late", **spec)).object)
    scenario.audited("patch", "pods", "web", user=KEYTURN_USER)
    events = scenario.audit(verb="patch", resource="pods", name="web", user=KEYTURN_USER)
    (event,) = [e for e in events if e["responseStatus"]["code"] == 200]
    assert event["requestObject"]["metadata"]["annotations"] == {STAMP: stamp(released)}
    assert event["requestObject"]["spec"]["schedulingGates"] == [{"$patch": "delete", "name": GATE}]
    assert created["metadata"]["uid"] == released["metadata"]["uid"]
    scenario.wait_event("web", "ReleasedForSecret")


@pytest.mark.parametrize(
    "make", [objects.stateful_set, objects.daemon_set, objects.job], ids=lambda make: make.__name__
)
def test_s51_pods_of_every_controller_wait(
    scenario: Scenario, make: Callable[..., Object]
) -> None:
    manifest = scenario.create(make("web", **uses("db", "password"))).object
    count = 2 if manifest["kind"] == "DaemonSet" else 1  # as many as Nodes
    held = {pod["metadata"]["uid"] for pod in scenario.wait_held("web", count)}
    scenario.secret("db", password="x")
    phases = ("Running", "Succeeded")
    pods = scenario.wait_pods("web", lambda pod: pod["status"].get("phase") in phases, count)
    assert {pod["metadata"]["uid"] for pod in pods} == held
    assert all(is_hash(stamp(pod)) for pod in pods)


def test_s51_foreign_gates_stay_and_a_second_pass_adds_nothing(scenario: Scenario) -> None:
    foreign = [{"name": FOREIGN_GATE}]
    spec = uses("db", "password")
    ours_too = [*foreign, {"name": GATE}]
    first = scenario.create(objects.pod("first", schedulingGates=foreign, **spec)).object
    assert gates(first) == [FOREIGN_GATE, GATE]
    ((operation,),) = webhook_patches(scenario.audited("create", "pods", "first"))
    assert operation == {"op": "add", "path": "/spec/schedulingGates/-", "value": {"name": GATE}}
    # As in a second pass: the gate is there already.
    again = scenario.create(objects.pod("again", schedulingGates=ours_too, **spec)).object
    assert gates(again) == [FOREIGN_GATE, GATE]
    assert webhook_patches(scenario.audited("create", "pods", "again")) == []
    scenario.secret("db", password="x")
    for name in ("first", "again"):
        scenario.wait_for(
            lambda: gates(scenario.get("Pod", name)) == [FOREIGN_GATE], f"{name} released"
        )
        assert is_hash(stamp(scenario.get("Pod", name)))
    pods = scenario.api.list("Pod", scenario.namespace)
    assert not any("nodeName" in pod["spec"] for pod in pods)


def test_s51_a_pod_with_a_node_cannot_wait(scenario: Scenario) -> None:
    response = scenario.create(objects.pod("web", nodeName="node-0", **uses("db", "password")))
    assert response.warnings == [
        'KT103 Secret "db" not found (container app, key password): kubelet waits for it'
    ]
    assert gates(response.object) == []


# 53, 72: Pods that never wait.


def test_s53_what_waiting_cannot_help_is_not_held(scenario: Scenario) -> None:
    synced = {
        **volume(
            "csi",
            driver="secrets-store.csi.k8s.io",
            readOnly=True,
            volumeAttributes={"secretProviderClass": "c"},
        ),
        **uses("synced", "password"),
    }
    pull = {"imagePullSecrets": [{"name": "absent"}]}
    optional = {"containers": [container(variable("absent", "a", True))]}
    for name, spec, warnings in (
        ("synced", synced, []),
        (
            "pull",
            pull,
            ['KT103 Secret "absent" not found (imagePullSecrets): images are pulled without it'],
        ),
        ("optional", optional, []),
    ):
        response = scenario.create(objects.pod(name, **spec))
        assert (gates(response.object), response.warnings) == ([], warnings), name
    # The driver reads a Secret of its own before it can sync anything: that one is waited for.
    synced["volumes"][0]["csi"]["nodePublishSecretRef"] = {"name": "vault"}
    assert gates(scenario.create(objects.pod("driver", **synced)).object) == [GATE]


@pytest.mark.parametrize("case", ["cluster-critical", "node-critical", "hold-off"])
def test_s72_some_pods_are_never_held(scenario: Scenario, case: str) -> None:
    spec = uses("db", "password")
    notes = {"keyturn.io/hold": "off"} if case == "hold-off" else {}
    if case != "hold-off":
        spec["priorityClassName"] = f"system-{case}"
    workload = objects.deployment("webs", **spec)
    workload["spec"]["template"]["metadata"]["annotations"] = notes
    warning = 'KT103 Secret "db" not found (container app, key password): kubelet waits for it'
    pod = scenario.create(objects.pod("web", notes, **spec))
    assert (gates(pod.object), pod.warnings) == ([], [warning])
    assert scenario.create(workload).warnings == [warning]
    (made,) = scenario.wait_pods("webs", lambda pod: "nodeName" in pod["spec"])
    assert gates(made) == []


# 70: gates that nothing calls for any more.


def test_s70_a_gate_goes_when_something_else_says_never(scenario: Scenario) -> None:
    """An annotation that comes later counts as well as one from the start."""
    scenario.create(objects.pod("web", **uses("db", "password")))
    scenario.wait_event("web", "HeldForSecret")
    notes = {"metadata": {"annotations": {"keyturn.io/hold": "off"}}}
    scenario.api.patch("Pod", "web", notes, scenario.namespace)
    assert stamp(scenario.wait_running("web")) is None
    scenario.wait_event("web", "ReleasedForSecret", "nothing calls for it")


def test_s70_a_hold_ends_sooner_once_its_external_secret_is_gone(scenario: Scenario) -> None:
    """With short holds: described it would last ten minutes, undescribed it has ended long ago.
    No hold ends within ten seconds of a start, when who describes what is only being learnt."""
    (replica,) = scenario.keyturn.replicas
    replica.stop()
    replica.start({"hold-undescribed": "100ms", "hold-described": "10m"})
    try:
        replica.wait_ready()
        scenario.keyturn.wait_in_force()
        scenario.create(objects.external_secret("db", "/x"))
        response = scenario.wait_for(
            lambda: described(scenario), "a warning about a described Secret"
        )
        scenario.create(objects.pod("web", **uses("db", "password")))
        scenario.create(objects.pod("other", **uses("absent", "password")))
        scenario.wait_event("web", "HeldForSecret", "which an ExternalSecret describes")
        # The one that nobody describes is let go, and says why; by then the other could be, too.
        scenario.wait_running("other")
        ended = scenario.wait_event("other", "HoldEnded", "Secret absent key password is still")
        assert ended["type"] == "Warning"
        assert gates(scenario.get("Pod", "web")) == [GATE]
        scenario.api.delete("ExternalSecret", "db", scenario.namespace)
        assert stamp(scenario.wait_running("web")) is None
        scenario.wait_event("web", "HoldEnded")
        assert "10m" in response[0]
    finally:
        replica.stop()
        replica.start()
        replica.wait_ready()
        scenario.keyturn.wait_in_force()


def described(scenario: Scenario) -> list[str]:
    manifest = objects.pod("probe", **uses("db", "password"))
    warnings = scenario.create(manifest, dryRun="All").warnings
    return warnings if "10m" in "".join(warnings) else []


def release_command(keyturn: Keyturn) -> tuple[list[str], dict[str, str], list[Object]]:
    """Arguments, environment and further objects of the chart's pre-delete hook, as it is rendered
    for a Keyturn inside the cluster."""
    rendered = keyturn.cluster.helm("template", RELEASE, str(CHART), "--namespace", NAMESPACE)
    hooks = [
        manifest
        for manifest in yaml.safe_load_all(rendered.stdout)
        if manifest and "helm.sh/hook" in (manifest["metadata"].get("annotations") or {})
    ]
    (job,) = [manifest for manifest in hooks if manifest["kind"] == "Job"]
    spec = job["spec"]["template"]["spec"]
    assert spec["serviceAccountName"] == RELEASE
    hook = spec["containers"][0]
    env = {variable["name"]: variable["value"] for variable in hook["env"]}
    return hook["args"], env, [manifest for manifest in hooks if manifest is not job]


@pytest.mark.sanitizers
def test_s70_the_chart_s_hook_leaves_no_pod_held(
    scenario: Scenario, control_plane: ControlPlane, keyturn: Keyturn
) -> None:
    """The command of the pre-delete hook, as Keyturn's ServiceAccount with the hook's own roles,
    while Keyturn is at work. The last test of this module: it takes the configuration away."""
    spec = uses("absent", "password")
    foreign = {**spec, "schedulingGates": [{"name": FOREIGN_GATE}]}
    scenario.create(objects.deployment("webs", 3, **spec))
    scenario.create(objects.pod("two-gates", **foreign))
    scenario.wait_held("webs", 3)
    arguments, env, roles = release_command(keyturn)
    for manifest in roles:
        scenario.api.create(manifest)
    try:
        with Process.start(
            keyturn.binary,
            [*arguments, "--kubeconfig", str(keyturn.kubeconfig)],
            {**keyturn.environment, **env},
        ) as process:
            status = process.wait(60)
            output = process.stdout().decode() + "\n".join(process.stderr_lines())
    finally:
        for manifest in roles:
            scenario.api.delete(manifest["kind"], manifest["metadata"]["name"])
    assert status == 0, output
    assert f"released {scenario.namespace}/two-gates" in output
    held = [pod for pod in scenario.api.list("Pod") if GATE in gates(pod)]
    assert held == []
    assert gates(scenario.get("Pod", "two-gates")) == [FOREIGN_GATE]
    scenario.wait_pods("webs", lambda pod: pod["status"].get("phase") == "Running", 3)
    assert scenario.api.find("MutatingWebhookConfiguration", RELEASE) is None
    # And nothing new is held.
    late = scenario.wait_for(
        lambda: not gates(scenario.create(objects.pod("late", **spec), dryRun="All").object),
        "the API server to forget the configuration",
    )
    assert late
