# SPDX-License-Identifier: Apache-2.0
"""Renders the chart with the genuine helm."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.programs import locate_programs

CHART = Path(__file__).parents[2] / "charts" / "keyturn"
NAMESPACE = "keyturn-system"

Json = dict[str, Any]


class Manifests(list[Json]):
    """The objects of a rendered release."""

    def kind(self, kind: str) -> list[Json]:
        return [manifest for manifest in self if manifest["kind"] == kind]

    def one(self, kind: str, name: str = "keyturn") -> Json:
        found = [item for item in self.kind(kind) if item["metadata"]["name"] == name]
        assert len(found) == 1, f"{kind} {name}: {len(found)} of {self.names()}"
        return found[0]

    def names(self) -> list[str]:
        return [f"{item['kind']}/{item['metadata']['name']}" for item in self]


@dataclass(frozen=True)
class Helm:
    program: str

    def run(
        self, *arguments: str, values: Json | None = None
    ) -> subprocess.CompletedProcess[str]:
        options = ("--values", "-") if values is not None else ()
        return subprocess.run(
            [self.program, *arguments, *options],
            # JSON is YAML.
            input=json.dumps(values or {}),
            capture_output=True,
            text=True,
            check=False,
        )

    def template(
        self,
        values: Json | None = None,
        kube_version: str = "1.36.3",
        release: str = "keyturn",
        more: Iterable[str] = (),
    ) -> subprocess.CompletedProcess[str]:
        return self.run(
            *("template", release, str(CHART), "--namespace", NAMESPACE),
            *("--kube-version", kube_version, *more),
            values=values or {},
        )

    def render(self, values: Json | None = None, **options: Any) -> Manifests:
        rendered = self.template(values, **options)
        assert rendered.returncode == 0, rendered.stderr
        return Manifests(filter(None, yaml.safe_load_all(rendered.stdout)))

    def refuse(self, values: Json, **options: Any) -> str:
        """Why the values are refused."""
        rendered = self.template(values, **options)
        assert rendered.returncode != 0, "accepted"
        return rendered.stderr


@pytest.fixture(scope="session")
def helm() -> Helm:
    """HELM names a program; else the one that is pinned for the tests."""
    return Helm(os.environ.get("HELM") or locate_programs()["helm"])


@pytest.fixture(scope="session")
def default(helm: Helm) -> Manifests:
    return helm.render()
