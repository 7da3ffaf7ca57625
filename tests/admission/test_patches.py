# SPDX-License-Identifier: Apache-2.0
"""Each case of tests/data/admission, each place of a reference, and that deciding about its own
result changes nothing: mutate(mutate(x)) = mutate(x).
"""

from __future__ import annotations

import copy
import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.admission.decide import (
    DATA,
    GATE,
    MARKER,
    STAMP,
    Answer,
    Json,
    again,
    annotation_of,
    decide,
    gates_of,
    pod_of,
    without_ours,
)

HASH = re.compile(r"v1-[0-9a-f]{6}-[0-9a-f]{32}")
REVIEWS = DATA / "reviews"
RECORDED = sorted(path.stem for path in REVIEWS.glob("*.json"))
CASES = sorted(path.parent.name for path in DATA.glob("*/expected.json"))


def read(path: Path) -> Json:
    return json.loads(path.read_text())


def recorded(name: str) -> Json:
    return read(REVIEWS / f"{name}.json")


def mask(value: Any, sent: str, found: set[str]) -> Any:
    """Every hash that was not in the review as HASH."""
    if isinstance(value, dict):
        return {key: mask(member, sent, found) for key, member in value.items()}
    if isinstance(value, list):
        return [mask(member, sent, found) for member in value]
    if isinstance(value, str) and HASH.fullmatch(value) and value not in sent:
        found.add(value)
        return "HASH"
    return value


def assert_settled(review: Json, facts: Json, answer: Answer, **options: bool) -> None:
    """Asked again about its own result, in the same world, nothing changes."""
    if answer.object is None:
        return
    second = decide(again(review, answer), facts, **options)
    assert second.patch is None
    assert second.decision == answer.decision


# The data cases


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    case = DATA / name
    review, facts = read(case / "review.json"), read(case / "facts.json")
    expected = read(case / "expected.json")
    options = expected.get("options", {})

    first = decide(review, facts, **{**options, "final": False})
    assert first.wants == expected.get("wants", [])
    answer = decide(review, facts, **options)
    if not first.wants:
        assert first.response == answer.response

    assert answer.decision == expected["decision"]
    assert answer.code == expected.get("code")
    assert answer.warnings == expected.get("warnings", [])
    if "denial" in expected:
        assert answer.response["status"]["message"] == expected["denial"]
        return
    if "object" in expected:
        hashes: set[str] = set()
        assert mask(answer.object, json.dumps(review), hashes) == expected["object"]
        assert len(hashes) <= 1
    else:
        assert answer.patch is None
    assert without_ours(answer.object) == without_ours(review["request"]["object"])
    assert_settled(review, facts, answer, **options)


def test_there_are_cases() -> None:
    assert len(CASES) >= 25 and len(RECORDED) == 49


# Recorded reviews


def add_null_timestamps(value: Any) -> int:
    """creationTimestamp: null wherever there is none, as kube-apiserver 1.31 sends it."""
    added = 0
    if isinstance(value, dict):
        metadata = value.get("metadata")
        if isinstance(metadata, dict) and "creationTimestamp" not in metadata:
            metadata["creationTimestamp"] = None
            added += 1
        for key, member in value.items():
            added += 0 if key == "managedFields" else add_null_timestamps(member)
    elif isinstance(value, list):
        added += sum(add_null_timestamps(member) for member in value)
    return added


def use_secret(pod: Json | None, secret: str = "db") -> None:
    """Its first container uses key PW of the Secret."""
    if pod and (pod.get("spec") or {}).get("containers"):
        variable = {"name": "PW", "valueFrom": {"secretKeyRef": {"name": secret, "key": "PW"}}}
        pod["spec"]["containers"][0].setdefault("env", []).append(variable)


PRESENT: Json = {"secrets": {"db": {"data": {"PW": "x", "OTHER": "y"}}}}
ABSENT: Json = {}
UNKNOWN: Json = {"others": "unknown"}
WORLDS = {"present": PRESENT, "absent": ABSENT, "unknown": UNKNOWN}


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", RECORDED)
def test_s60_recorded_review_with_a_reference(name: str, world: str) -> None:
    """A Secret added to each recorded object, new and old, and again with null timestamps."""
    review = recorded(name)
    for of in ("object", "oldObject"):
        use_secret(pod_of(review, of))
    answer = decide(review, WORLDS[world])
    assert answer.response["allowed"]
    assert without_ours(answer.object) == without_ours(review["request"]["object"])
    assert_settled(review, WORLDS[world], answer)

    older = copy.deepcopy(review)
    for of in ("object", "oldObject"):
        add_null_timestamps(older["request"][of])
    other = decide(older, WORLDS[world])
    assert other.response == answer.response


NEW_POD = [
    "pod-create-by-cronjob-job",
    "pod-create-by-daemonset",
    "pod-create-by-job",
    "pod-create-by-replicaset",
    "pod-create-by-statefulset",
    "pod-create-direct",
    "pod-create-dryrun-server",
    "pod-create-generatename",
    "pod-create-impersonated-user",
    "pod-create-ssa",
]
NEW_ROLLING = [
    "daemonset-create",
    "deployment-create-kubectl-apply",
    "deployment-create-server-side-apply",
    "statefulset-create",
]
NEVER_PATCHED = sorted(set(RECORDED) - set(NEW_POD) - set(NEW_ROLLING))


@pytest.mark.parametrize("name", NEW_POD)
def test_s15_new_pod_is_stamped_or_held_whoever_made_it(name: str) -> None:
    review = recorded(name)
    use_secret(review["request"]["object"])
    present = decide(review, PRESENT).object
    assert present is not None and HASH.fullmatch(annotation_of(present, STAMP) or "")
    assert GATE not in gates_of(present)
    absent = decide(review, ABSENT).object
    assert absent is not None and annotation_of(absent, STAMP) is None
    assert gates_of(absent) == [GATE]


@pytest.mark.parametrize("name", NEW_ROLLING)
def test_s12_new_workload_that_rolls_is_marked(name: str) -> None:
    review = recorded(name)
    use_secret(pod_of(review))
    made = decide(review, PRESENT).object
    assert made is not None
    assert HASH.fullmatch(annotation_of(made["spec"]["template"], MARKER) or "")
    assert decide(review, ABSENT).patch is None


@pytest.mark.parametrize("name", NEVER_PATCHED)
def test_s13_nothing_else_is_patched_in_a_world_without_the_secret(name: str) -> None:
    review = recorded(name)
    for of in ("object", "oldObject"):
        use_secret(pod_of(review, of))
    assert decide(review, ABSENT).patch is None


def test_s28_dry_run_has_the_patch_of_the_real_request() -> None:
    review = recorded("pod-create-dryrun-server")
    use_secret(review["request"]["object"])
    real = copy.deepcopy(review)
    real["request"]["dryRun"] = False
    for facts in WORLDS.values():
        assert decide(review, facts).response == decide(real, facts).response


# Every place of a reference

CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")


def in_container(name: str, where: str, entry: Json) -> Json:
    return {name: [{"name": "c", where: [entry]}]}


def in_volume(**volume: Any) -> Json:
    return {"volumes": [{"name": "v", **volume}]}


def places(secret: str, key: str) -> dict[str, tuple[Json, bool, bool]]:
    """Name → what to add to a PodSpec, whether it is waited for, whether it has a key."""
    env = {"name": "A", "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
    from_all = {"secretRef": {"name": secret}}
    items = [{"key": key, "path": "file"}]
    found: dict[str, tuple[Json, bool, bool]] = {}
    for containers in CONTAINER_LISTS:
        waited_for = containers != "ephemeralContainers"
        found[f"1-env-{containers}"] = (in_container(containers, "env", env), waited_for, True)
        found[f"2-envFrom-{containers}"] = (
            in_container(containers, "envFrom", from_all),
            waited_for,
            False,
        )
    ref = {"secretRef": {"name": secret}}
    found["3-volume"] = (in_volume(secret={"secretName": secret}), True, False)
    found["3-volume-items"] = (in_volume(secret={"secretName": secret, "items": items}), True, True)
    source = {"secret": {"name": secret}}
    found["4-projected"] = (in_volume(projected={"sources": [source]}), True, False)
    source = {"secret": {"name": secret, "items": items}}
    found["4-projected-items"] = (in_volume(projected={"sources": [source]}), True, True)
    found["5-imagePullSecrets"] = ({"imagePullSecrets": [{"name": secret}]}, False, False)
    publish = {"driver": "d.example.com", "nodePublishSecretRef": {"name": secret}}
    found["6-csi"] = (in_volume(csi=publish), True, False)
    found["7-azureFile"] = (in_volume(azureFile={"secretName": secret}), True, False)
    found["8-iscsi-chap"] = (in_volume(iscsi={"chapAuthSession": True, **ref}), True, False)
    found["9-flexVolume"] = (in_volume(flexVolume=ref), True, False)
    found["10-cinder"] = (in_volume(cinder=ref), True, False)
    found["11-cephfs"] = (in_volume(cephfs=ref), False, False)
    found["12-rbd"] = (in_volume(rbd=ref), False, False)
    found["13-scaleIO"] = (in_volume(scaleIO=ref), False, False)
    found["14-storageos"] = (in_volume(storageos=ref), False, False)
    return found


PLACES = list(places("db", "PW"))


def review_at(place: str, secret: str = "db", key: str = "PW") -> tuple[Json, bool, bool]:
    """A recorded review with the reference added at that place."""
    addition, waited_for, has_key = places(secret, key)[place]
    ephemeral = "ephemeralContainers" in addition
    review = recorded("pod-ephemeralcontainers-update" if ephemeral else "pod-create-direct")
    spec = review["request"]["object"]["spec"]
    for name, entries in addition.items():
        spec[name] = (spec.get(name) or []) + entries
    return review, waited_for, has_key


@pytest.mark.parametrize("place", PLACES)
def test_s20_reference_at_every_place(place: str) -> None:
    review, waited_for, has_key = review_at(place)
    ephemeral = "ephemeralContainers" in place
    assert decide(review, ABSENT, final=False).wants == ["db"]
    absent = decide(review, ABSENT)
    assert absent.decision == ("hold" if waited_for else "allow")
    assert absent.code == ("KT101" if waited_for else "KT103")
    assert len(absent.warnings) == 1 and '"db"' in absent.warnings[0]
    assert (absent.patch is not None) == waited_for
    assert_settled(review, ABSENT, absent)

    present = decide(review, PRESENT)
    assert present.decision == "allow" and not present.warnings
    rolls = place.startswith(("1-", "2-")) and not ephemeral
    assert (present.patch is not None) == rolls
    assert decide(review, UNKNOWN).patch is None

    if has_key:
        without_key = decide(review, {"secrets": {"db": {"data": {}}}})
        assert without_key.decision == ("hold" if waited_for else "allow")
        assert without_key.code == ("KT102" if waited_for else "KT105")


HOSTILE = ["../x", "a/b", "%2e%2e", "a" * 300, "a\0b", "Upper", "a b", "-a", "a.", "ä", "a\nb"]


@pytest.mark.parametrize("place", PLACES)
def test_s22_hostile_name_is_denied_at_every_place(place: str) -> None:
    for name in HOSTILE:
        review, _, _ = review_at(place, secret=name)
        answer = decide(review, UNKNOWN, final=False)
        assert not answer.response["allowed"] and answer.code == "KT104", name
        message = answer.response["status"]["message"]
        assert message.isascii() and message.isprintable()


@pytest.mark.parametrize("place", [place for place in PLACES if review_at(place)[2]])
def test_s22_hostile_key_is_denied_at_every_place(place: str) -> None:
    for key in ["../x", "a/b", "..", ".", "%2e%2e/", "a" * 300, "a\0b", "a b", "ä"]:
        review, _, _ = review_at(place, key=key)
        answer = decide(review, PRESENT, final=False)
        assert not answer.response["allowed"] and answer.code == "KT106", key


@pytest.mark.parametrize("place", PLACES)
def test_s22_empty_name_is_passed_over(place: str) -> None:
    review, _, _ = review_at(place, secret="")
    answer = decide(review, ABSENT, final=False)
    assert answer.response["allowed"] and answer.patch is None and not answer.warnings


@pytest.mark.parametrize("name", [*NEW_ROLLING, "job-create", "cronjob-create"])
def test_s22_hostile_name_is_denied_in_templates(name: str) -> None:
    review = recorded(name)
    use_secret(pod_of(review), "../../kube-system/secrets/x")
    answer = decide(review, UNKNOWN, final=False)
    assert not answer.response["allowed"] and answer.code == "KT104"


# mutate(mutate(x)) = mutate(x)

OLD_HASH = "v1-abcdef-00000000000000000000000000000000"
METADATA: list[Any] = [
    "absent",
    None,
    {},
    {"annotations": None},
    {"annotations": {}},
    {"annotations": {"a/b~c": "d"}, "labels": {"app": "x"}},
    {"annotations": {MARKER: OLD_HASH, STAMP: OLD_HASH}, "creationTimestamp": None},
    {"annotations": {MARKER: "", STAMP: ""}},
]
GATE_LISTS: list[Any] = [
    "absent",
    None,
    [],
    [{"name": "a.io/b"}],
    [{"name": GATE}],
    [{"name": "a.io/b"}, {"name": GATE}],
]


def pod(metadata: Any, gates: Any, image: str = "v1") -> Json:
    container = {"name": "app", "image": image}
    made: Json = {"spec": {"containers": [container]}}
    use_secret(made)
    if metadata != "absent":
        made["metadata"] = copy.deepcopy(metadata)
    if gates != "absent":
        made["spec"]["schedulingGates"] = copy.deepcopy(gates)
    return made


def review_of(kind: str, operation: str, obj: Json, old: Json | None = None) -> Json:
    return {
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "u-1",
            "kind": {"group": "" if kind == "Pod" else "apps", "version": "v1", "kind": kind},
            "namespace": "shop",
            "operation": operation,
            "object": obj,
            "oldObject": old,
            "dryRun": False,
        },
    }


def workload(template: Json) -> Json:
    return {"metadata": {"name": "web"}, "spec": {"replicas": 1, "template": template}}


@pytest.mark.parametrize("world", WORLDS)
def test_answering_its_own_pod_changes_nothing(world: str) -> None:
    for metadata, gates in itertools.product(METADATA, GATE_LISTS):
        review = review_of("Pod", "CREATE", pod(metadata, gates))
        answer = decide(review, WORLDS[world])
        obj = answer.object
        assert obj is not None
        held, stamped = GATE in gates_of(obj), annotation_of(obj, STAMP) is not None
        assert not (held and stamped)
        assert gates_of(obj).count(GATE) <= 1
        had_gate = {"name": GATE} in (gates if isinstance(gates, list) else [])
        assert held == (had_gate or world == "absent")
        assert stamped == (world == "present" and not had_gate)
        assert without_ours(obj) == without_ours(review["request"]["object"])
        assert_settled(review, WORLDS[world], answer)


@pytest.mark.parametrize("world", WORLDS)
def test_answering_its_own_template_changes_nothing(world: str) -> None:
    for metadata in METADATA:
        review = review_of("Deployment", "CREATE", workload(pod(metadata, "absent")))
        answer = decide(review, WORLDS[world])
        assert answer.object is not None
        marker = annotation_of(answer.object["spec"]["template"], MARKER)
        assert (marker is not None) == (world == "present") and marker != OLD_HASH
        assert without_ours(answer.object) == without_ours(review["request"]["object"])
        assert_settled(review, WORLDS[world], answer)


@pytest.mark.parametrize("world", WORLDS)
def test_s54_update_is_sticky(world: str) -> None:
    """Whatever is sent about annotations, an otherwise unchanged template keeps its old marker."""
    for before, now in itertools.product(METADATA, METADATA):
        old, new = pod(before, "absent"), pod(now, "absent")
        review = review_of("Deployment", "UPDATE", workload(new), workload(old))
        answer = decide(review, WORLDS[world])
        assert answer.object is not None
        marker = annotation_of(answer.object["spec"]["template"], MARKER)
        old_marker = annotation_of(old, MARKER)
        unchanged = core(old) == core(new)
        if unchanged or world != "present":
            assert marker == old_marker
        else:
            assert marker is not None and HASH.fullmatch(marker) and marker != old_marker
        assert_settled(review, WORLDS[world], answer)


def core(template: Json) -> Json:
    """The template without the marker; what is null or an empty map of annotations is absent."""
    bare = copy.deepcopy(template)
    metadata = bare.pop("metadata", None) or {}
    annotations = metadata.pop("annotations", None) or {}
    annotations.pop(MARKER, None)
    metadata = {key: value for key, value in metadata.items() if value is not None}
    return {**bare, "metadata": {**metadata, "annotations": annotations}}


def test_s10_marker_follows_an_image_change_and_nothing_else() -> None:
    first = decide(review_of("Deployment", "CREATE", workload(pod("absent", "absent"))), PRESENT)
    assert first.object is not None
    marker = annotation_of(first.object["spec"]["template"], MARKER)
    rotated = {"secrets": {"db": {"data": {"PW": "rotated", "OTHER": "y"}}}}
    same = workload(pod("absent", "absent"))
    kept = decide(review_of("Deployment", "UPDATE", same, first.object), rotated)
    assert kept.object is not None
    assert annotation_of(kept.object["spec"]["template"], MARKER) == marker
    image = workload(pod("absent", "absent", image="v2"))
    renewed = decide(review_of("Deployment", "UPDATE", image, first.object), rotated)
    assert renewed.object is not None
    assert annotation_of(renewed.object["spec"]["template"], MARKER) not in (None, marker)
    other_key = {"secrets": {"db": {"data": {"PW": "x", "OTHER": "rotated"}}}}
    unused = decide(review_of("Deployment", "UPDATE", image, first.object), other_key)
    assert unused.object is not None
    assert annotation_of(unused.object["spec"]["template"], MARKER) == marker


def test_s18_reinvocation_hashes_what_a_later_webhook_added() -> None:
    review = review_of("Pod", "CREATE", pod("absent", "absent"))
    world = {"secrets": {**PRESENT["secrets"], "api": {"data": {"PW": "z"}}}}
    first = decide(review, world)
    assert first.object is not None
    second_review = again(review, first)
    use_secret(second_review["request"]["object"], "api")
    second = decide(second_review, world)
    assert second.object is not None
    assert annotation_of(second.object, STAMP) != annotation_of(first.object, STAMP)
    assert_settled(second_review, world, second)

    # What the later webhook added is missing: the gate comes on and the stamp goes.
    held = decide(second_review, PRESENT)
    assert held.object is not None
    assert gates_of(held.object) == [GATE] and annotation_of(held.object, STAMP) is None
    assert_settled(second_review, PRESENT, held)

    # It is there a moment later: the gate is not taken away in admission.
    later = decide(again(second_review, held), world)
    assert later.patch is None and later.decision == "hold"


def test_s55_hash_is_keyed() -> None:
    review = review_of("Deployment", "CREATE", workload(pod("absent", "absent")))
    markers = set()
    for key in ("a", "b"):
        answer = decide(review, {**PRESENT, "key": key})
        assert answer.object is not None
        markers.add(annotation_of(answer.object["spec"]["template"], MARKER))
    assert len(markers) == 2 and None not in markers
    assert decide(review, {**PRESENT, "key": None}).patch is None
