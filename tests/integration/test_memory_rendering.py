# SPDX-License-Identifier: Apache-2.0
"""Scenario 79 for what is made of values: templates with what they compute on the way, whole
documents, and secrets that were looked for. Each is also gone through where it fails, in the
background and for a Pod that waits; what is said about it is looked through as memory is.

Of the release build: the sanitizers bring an allocator of their own, which neither wipes nor
returns what is freed.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.rollouts import uses_each
from tests.integration.builds import SANITIZED, SLOWER
from tests.integration.planted import Planted, assert_nothing_left, assert_nothing_said
from tests.integration.probe import eventually
from tests.integration.remote import (
    MATERIALISING,
    PARAMETER_STORE,
    external_secret,
    failures,
    store,
    wait_data,
)
from tests.integration.serving import NAMESPACE, Serving
from tests.support.api_server import ApiServer
from tests.support.aws_standin import AwsStandIn
from tests.support.kube_store import Object

pytestmark = [
    pytest.mark.skipif(SANITIZED, reason="measures the release build's allocator"),
    pytest.mark.skipif(os.geteuid() != 0, reason="reads the memory of another process"),
]

# To an answer, within the value. A later one makes them good.
BROKEN = ("half_body", "reset_after_headers", "oversized")


@dataclass
class Scene:
    api: ApiServer
    aws: AwsStandIn
    serving: Serving
    planted: Planted

    def describe(self, name: str, spec: Mapping[str, Any], refresh: str = "1s") -> None:
        manifest = external_secret(name, "", refresh=refresh)
        del manifest["spec"]["data"]
        manifest["spec"] |= spec
        self.api.put(manifest)

    def fail_all(self, specs: Mapping[str, Mapping[str, Any]]) -> None:
        """Each of them cannot be carried out, whoever asks."""
        for name, spec in specs.items():
            self.describe(name, spec)
        for name in specs:
            eventually(lambda name=name: bool(failures(self.serving, name)), name, 20)
            answer = self.serving.pod(**uses_each(name))
            for marker in self.planted.markers:
                assert marker.value not in repr((answer.message, answer.warnings)).encode()
            assert self.api.get("secrets", NAMESPACE, name) is None

    def quiet(self) -> None:
        """Nothing is described any more, so nobody asks for anything."""
        for each in self.api.objects("externalsecrets"):
            self.api.delete("externalsecrets", NAMESPACE, each["metadata"]["name"])
        calls = self.aws.log.calls()
        eventually(lambda: all(call.outcome is not None for call in calls), "all calls answered")


@contextlib.contextmanager
def scene(folder: Path, *stores: Object) -> Iterator[Scene]:
    """In the end nothing is left, and nothing was said."""
    planted = Planted()
    with ApiServer() as api, AwsStandIn(tls=True) as aws:
        aws.add_principal()
        for each in (store(), *stores):
            api.put(each)
        with Serving(api, folder, aws.environment(), **MATERIALISING) as serving:
            serving.wait_synced()
            it = Scene(api, aws, serving, planted)
            yield it
            assert_nothing_said(serving, planted)
            it.quiet()
            assert_nothing_left(serving, planted)
            assert_nothing_said(serving, planted)


def keys(**names: str) -> list[Object]:
    return [{"secretKey": key, "remoteRef": {"key": name}} for key, name in names.items()]


# Templates.

VALUE, DOCUMENT = "/prod/db", "/prod/app"
INPUT = keys(password=VALUE, document=DOCUMENT)

TEMPLATES = {
    "cased": '{{ $up := upper .password }}{{ $low := lower .password }}{{ print $up " " $low }}',
    "quoted": '{{ define "x" }}<{{ . }}>{{ end }}{{ printf "%q" .password }}'
    '{{ template "x" .password }}',
    "parsed": '{{ $all := fromJson .document }}{{ $all.nested.deep }} {{ toJson $all.nested }}',
    "split": '{{ range splitList "-" .password }}{{ b64enc . }};{{ end }}',
    "turned": '{{ regexReplaceAll "^(.{16})(.*)$" .password "${2}${1}" }}',
    # Computed, and not in the output.
    "dropped": '{{ $x := b64enc (cat .password .password) }}'
    '{{ if contains "!" $x }}{{ $x }}{{ end }}on',
}
KEYS_AND_VALUES = """plain: {{ .password }}
folded: >
  {{ .password }}
escaped: {{ .password | quote }}
"""


def rendered(password: str, deep: str) -> dict[str, str]:
    return {
        "cased": f"{password.upper()} {password.lower()}",
        "quoted": f'"{password}"<{password}>',
        "parsed": f'{deep} {{"deep":"{deep}"}}',
        "split": "".join(
            base64.b64encode(part.encode()).decode() + ";" for part in password.split("-")
        ),
        "turned": password[16:] + password[:16],
        "dropped": "on",
        "plain": password,
        "folded": password + "\n",
        "escaped": password,
    }


def change_inputs(it: Scene, what: str) -> dict[str, str]:
    password, deep = "p" + it.planted.new(f"{what} password")[1:], it.planted.new(f"{what} deep")
    for name, derived in (
        ("password", password),
        ("upper", password.upper()),
        ("lower", password.lower()),
        ("turned", password[16:] + password[:16]),
    ):
        it.planted.add(f"{what} {name}", derived.encode())
    it.aws.put(VALUE, password)
    it.aws.put(DOCUMENT, json.dumps({"user": "u", "nested": {"deep": deep}}))
    return rendered(password, deep)


BAD_TEMPLATES = {
    "fails": "{{ fail .password }}",
    "no-field": "{{ .password.field }}",
    "no-index": '{{ index .password "x" }}',
    "too-long": "{{ repeat 999999999 .password }}",
    "pattern": '{{ mustRegexMatch (print "(" .password) "x" }}',
    "late": '{{ $x := upper .password }}{{ fail (print $x .password) }}',
}
BAD_DOCUMENTS = {
    "no-key": '"{{ .password }}/!": v',
    "long-key": "{{ repeat 10 .password }}: v",
    "unclosed": 'key: "{{ .password }}',
    "list": "- {{ .password }}",
    "tag": "key: !!int {{ .password }}",
    "alias": "key: *{{ .password }}",
}


def template(**members: Any) -> dict[str, Any]:
    return {"data": INPUT, "target": {"template": members}}


def test_s79_nothing_is_left_of_what_templates_compute(tmp_path: Path) -> None:
    with scene(tmp_path) as it:
        wanted = change_inputs(it, "first")
        it.describe("db", template(data=TEMPLATES, templateFrom=[{"literal": KEYS_AND_VALUES}]))
        wait_data(it.api, "db", **wanted)
        for kind in BROKEN:
            fault = it.aws.fail(kind, operation="BatchGetSecretValue", times=1)
            wait_data(it.api, "db", 30, **change_inputs(it, f"with {kind}"))
            fault.wait_hits(timeout=10 * SLOWER)
        it.fail_all({name: template(data={"x": text}) for name, text in BAD_TEMPLATES.items()})
        it.fail_all(
            {
                name: template(templateFrom=[{"target": "Data", "literal": text}])
                for name, text in BAD_DOCUMENTS.items()
            }
        )


def test_s79_what_the_api_server_says_of_a_label_is_kept_to_itself(tmp_path: Path) -> None:
    """Its message quotes what it does not accept."""
    with scene(tmp_path) as it:
        change_inputs(it, "first")
        message = f"metadata.labels: Invalid value: {it.planted.markers[0].text}"
        refused = {"code": 422, "reason": "Invalid", "message": message}
        it.api.fail("status", verb="create", resource="secrets", namespace=NAMESPACE, **refused)
        it.fail_all({"label": template(metadata={"labels": {"x": "{{ .password }}"}})})


# Documents.

MERGE = [{"merge": {"into": "all", "strategy": "JSON"}}]


def change_document(it: Scene, what: str) -> dict[str, str]:
    first, second, third = (it.planted.new(f"{what} {each}") for each in ("one", "two", "three"))
    inner = json.dumps({"deep": third})
    document = {
        "plain": first,
        "nested": {"a": [first, 1.5], "b": second},
        "coded": base64.b64encode(second.encode()).decode(),
        "text": inner,
    }
    # With escapes, which are decoded on the way.
    text = json.dumps(document).replace(first, "".join(f"\\u{ord(c):04x}" for c in first), 1)
    it.aws.put(DOCUMENT, text)
    return {
        "x_plain": first,
        "x_nested": json.dumps(document["nested"]),
        "x_coded": document["coded"],
        "x_text": inner,
        "a": json.dumps([first, 1.5]),
        "b": second,
        "deep": third,
        "decoded": second,
    }


EXTRACTS = {
    "dataFrom": [
        {
            "extract": {"key": DOCUMENT},
            "rewrite": [{"regexp": {"source": "^", "target": "x_"}}],
        },
        {"extract": {"key": DOCUMENT, "property": "nested"}},
        {"extract": {"key": DOCUMENT, "property": "text"}},
    ],
    "data": [
        {
            "secretKey": "decoded",
            "remoteRef": {"key": DOCUMENT, "property": "coded", "decodingStrategy": "Base64"},
        }
    ],
}


def extract(remote: Mapping[str, str], **more: Any) -> dict[str, Any]:
    return {"dataFrom": [{"extract": dict(remote), **more}]}


def test_s79_nothing_is_left_of_documents(tmp_path: Path) -> None:
    with scene(tmp_path) as it:
        wanted = change_document(it, "first")
        it.describe("db", EXTRACTS)
        wait_data(it.api, "db", **wanted)
        for kind in BROKEN:
            fault = it.aws.fail(kind, operation="GetSecretValue", times=1)
            wait_data(it.api, "db", 30, **change_document(it, f"with {kind}"))
            fault.wait_hits(timeout=10 * SLOWER)
        bad = {
            "open": '{{"a": "{}"',
            "trailing": '{{"a": 1}} {}',
            "bare": "{}",
            "list": '["{}"]',
            "escape": '{{"a": "{}\\x"}}',
            "number": '{{"a": 01{}}}',
        }
        specs: dict[str, Any] = {}
        for name, text in bad.items():
            it.aws.put(f"/bad/{name}", text.format(it.planted.new(f"in {name}")))
            specs[name] = extract({"key": f"/bad/{name}"})
        doc = {"key": DOCUMENT}
        specs["no-property"] = extract({**doc, "property": "plain"})
        specs["no-base64"] = extract({**doc, "decodingStrategy": "Base64"})
        specs["no-object"] = extract(doc, rewrite=MERGE)
        it.fail_all(specs)


# What is looked for.


Put = Callable[[str, str], object]


def change_found(it: Scene, put: Put, what: str) -> dict[str, str]:
    wanted = {}
    for name in ("a", "b", "c"):
        # Nothing that could be base64.
        wanted[name] = it.planted.new(f"{what} {name}") + "!"
        put(f"/find/{name}", wanted[name])
    return wanted


def find(by: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    rewrite = [{"regexp": {"source": "^/find/", "target": ""}}]
    return {"dataFrom": [{"find": dict(by), "rewrite": rewrite} | more]}


BY_NAME = {"name": {"regexp": "^/find/"}}


def test_s79_nothing_is_left_of_secrets_that_were_looked_for(tmp_path: Path) -> None:
    with scene(tmp_path) as it:
        wanted = change_found(it, it.aws.put, "first")
        it.describe("db", find(BY_NAME))
        wait_data(it.api, "db", **wanted)
        for kind in BROKEN:
            for operation in ("ListSecrets", "BatchGetSecretValue"):
                fault = it.aws.fail(kind, operation=operation, times=1)
                what = f"{operation} with {kind}"
                wait_data(it.api, "db", 30, **change_found(it, it.aws.put, what))
                fault.wait_hits(timeout=10 * SLOWER)
        it.fail_all(
            {
                "no-base64": find({**BY_NAME, "decodingStrategy": "Base64"}),
                "no-object": find(BY_NAME, rewrite=MERGE),
            }
        )
        it.aws.deny("secretsmanager:GetSecretValue", "/find/d")
        it.aws.put("/find/d", it.planted.new("denied"))
        it.fail_all({"denied": find(BY_NAME)})


def test_s79_nothing_is_left_of_parameters_that_were_looked_for(tmp_path: Path) -> None:
    with scene(tmp_path, store("parameters", service=PARAMETER_STORE)) as it:
        by_path = find({"path": "/find", **BY_NAME}) | {
            "secretStoreRef": {"kind": "SecretStore", "name": "parameters"}
        }
        wanted = change_found(it, it.aws.put_parameter, "first")
        it.describe("db", by_path)
        wait_data(it.api, "db", **wanted)
        for kind in BROKEN:
            fault = it.aws.fail(kind, operation="GetParametersByPath", times=1)
            wait_data(it.api, "db", 30, **change_found(it, it.aws.put_parameter, f"with {kind}"))
            fault.wait_hits(timeout=10 * SLOWER)
