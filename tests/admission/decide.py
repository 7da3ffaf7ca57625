# SPDX-License-Identifier: Apache-2.0
"""Asks decide_cli (tests/tools) about a review and applies the patch of its answer."""

from __future__ import annotations

import base64
import copy
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonpatch

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data" / "admission"

MARKER = "keyturn.io/rollout-hash"
STAMP = "keyturn.io/secrets-hash"
GATE = "keyturn.io/secrets"

Json = dict[str, Any]


def program() -> Path:
    """KEYTURN_DECIDE, else the one of the build that KEYTURN_BINARY belongs to, else of build/."""
    if named := os.environ.get("KEYTURN_DECIDE"):
        return Path(named)
    binary = os.environ.get("KEYTURN_BINARY")
    build = Path(binary).parents[1] if binary else ROOT / "build"
    return build / "tests" / "tools" / "decide_cli"


@dataclass
class Answer:
    wants: list[str] = field(default_factory=list)
    response: Json = field(default_factory=dict)
    patch: list[Json] | None = None
    # What the API server goes on with; None when it was denied or wants were answered.
    object: Json | None = None

    @property
    def decision(self) -> str:
        return self.response["auditAnnotations"]["decision"]

    @property
    def code(self) -> str | None:
        return self.response["auditAnnotations"].get("code")

    @property
    def warnings(self) -> list[str]:
        return self.response.get("warnings", [])


def decide(review: Json, facts: Json, *, gates: bool = True, final: bool = True) -> Answer:
    question = {"review": review, "facts": facts, "gates": gates, "final": final}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(question, file)
        file.flush()
        run = subprocess.run(
            [program(), file.name], capture_output=True, text=True, timeout=30, check=False
        )
    assert run.returncode == 0 and run.stderr == "", f"status {run.returncode}: {run.stderr}"
    document = json.loads(run.stdout)
    if "wants" in document:
        return Answer(wants=document["wants"])
    return read_answer(review, document)


def read_answer(review: Json, document: Json) -> Answer:
    """Checks what holds for every answer, and applies the patch."""
    assert document["apiVersion"] == "admission.k8s.io/v1"
    assert document["kind"] == "AdmissionReview"
    response = document["response"]
    assert response["uid"] == review["request"]["uid"]
    for warning in response.get("warnings", []):
        assert len(warning) <= 120 and warning.isascii() and warning.isprintable()
    answer = Answer(response=response)
    assert ("patch" in response) == ("patchType" in response)
    if not response["allowed"]:
        status = response["status"]
        assert (status["code"], status["reason"]) == (403, "Forbidden")
        assert len(status["message"]) <= 300 and "patch" not in response
        return answer
    assert "status" not in response
    answer.object = copy.deepcopy(review["request"].get("object"))
    if "patch" in response:
        assert response["patchType"] == "JSONPatch"
        answer.patch = json.loads(base64.b64decode(response["patch"], validate=True))
        assert answer.patch, "an empty patch is left out"
        assert {operation["op"] for operation in answer.patch} <= {"add", "remove"}
        answer.object = jsonpatch.apply_patch(answer.object, answer.patch)
    return answer


def again(review: Json, answer: Answer) -> Json:
    """The review as a reinvocation sends it: the same request, with what the patch made of it."""
    second = copy.deepcopy(review)
    second["request"]["uid"] += "-again"
    second["request"]["object"] = copy.deepcopy(answer.object)
    return second


POINTERS = {
    ("apps", "Deployment"): ("spec", "template"),
    ("apps", "StatefulSet"): ("spec", "template"),
    ("apps", "DaemonSet"): ("spec", "template"),
    ("apps", "ReplicaSet"): ("spec", "template"),
    ("batch", "Job"): ("spec", "template"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
    ("", "Pod"): (),
}


def pod_of(review: Json, of: str = "object") -> Json | None:
    """The Pod or Pod template of `object` or `oldObject`; not a copy."""
    kind = review["request"]["kind"]
    at = review["request"].get(of)
    for name in POINTERS.get((kind["group"], kind["kind"]), ("no such kind",)):
        at = (at or {}).get(name)
    return at


def without_ours(obj: Json | None) -> Json | None:
    """The object without marker, stamp and gate, and without what is empty then."""
    if obj is None:
        return None
    bare = copy.deepcopy(obj)
    for pod in (bare, (bare.get("spec") or {}).get("template") or {}):
        metadata = pod.get("metadata") or {}
        annotations = metadata.get("annotations") or {}
        annotations.pop(MARKER, None)
        annotations.pop(STAMP, None)
        if not annotations:
            metadata.pop("annotations", None)
        if not metadata:
            pod.pop("metadata", None)
        spec = pod.get("spec") or {}
        gates = [gate for gate in spec.get("schedulingGates") or [] if gate["name"] != GATE]
        if gates:
            spec["schedulingGates"] = gates
        else:
            spec.pop("schedulingGates", None)
    return bare


def gates_of(obj: Json) -> list[str]:
    return [gate["name"] for gate in obj["spec"].get("schedulingGates") or []]


def annotation_of(pod: Json | None, name: str) -> str | None:
    return (((pod or {}).get("metadata") or {}).get("annotations") or {}).get(name)
