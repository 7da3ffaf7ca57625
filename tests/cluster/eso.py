# SPDX-License-Identifier: Apache-2.0
"""The real External Secrets Operator, as an oracle for Keyturn.

eso/ is a Go module of its own (ESO requires other versions of Kubernetes's libraries than the
control plane does) with two programs: `eso`, the controller, and `vectors`, which says what Go and
ESO make of single inputs. They are built into the cache (go_module.py) as eso/<key>/bin, and ESO's
CRDs are copied beside them.

    with Eso(cluster, aws) as eso:
        cluster.apply(external_secret)
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.control_plane import ControlPlane
from tests.cluster.go_module import BIN, GoModule, ProgramsError
from tests.cluster.processes import Process
from tests.support.aws_standin import AwsStandIn

ESO = "github.com/external-secrets/external-secrets"
MODULE = GoModule(
    folder=Path(__file__).parent / "eso",
    name="eso",
    title="the External Secrets Operator",
    minutes=4,
)
COMMAND = ("go", "build", "-mod=readonly", "-trimpath", "-ldflags", "-s -w", "-o", BIN, "./...")
# Generators are not compared, but without their states ESO fails every dataFrom.
CRDS = (
    "externalsecrets.external-secrets.io",
    "secretstores.external-secrets.io",
    "clustersecretstores.external-secrets.io",
    "generatorstates.generators.external-secrets.io",
)
ESTABLISHED_SECONDS = 30


@dataclass(frozen=True)
class EsoPrograms:
    controller: Path
    vectors: Path
    crds: tuple[Path, ...]


def locate_eso(quiet: bool = False) -> EsoPrograms:
    """Built if they are not there (4 minutes on two cores)."""
    key = MODULE.key([COMMAND, CRDS])
    entry = MODULE.locate(key, COMMAND, _copy_crds, quiet)
    crds = tuple(entry / "crds" / f"{name}.yaml" for name in CRDS)
    return EsoPrograms(entry / "bin" / "eso", entry / "bin" / "vectors", crds)


def _copy_crds(go: str, entry: Path) -> None:
    source = MODULE.source_folder(go, ESO) / "config" / "crds" / "bases"
    (entry / "crds").mkdir()
    for name in CRDS:
        plural, group = name.split(".", 1)
        shutil.copyfile(source / f"{group}_{plural}.yaml", entry / "crds" / f"{name}.yaml")


class Eso:
    """workers: how many ExternalSecrets are reconciled at once; ESO's default is one.
    env: added to the environment of the process, which otherwise has AWS's endpoints and keys.
    """

    def __init__(
        self,
        cluster: ControlPlane,
        aws: AwsStandIn | None = None,
        workers: int = 1,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.cluster = cluster
        self.programs = locate_eso()
        self._arguments = ["--concurrent", str(workers)]
        self._env = {**(aws_environment(aws) if aws is not None else {}), **(env or {})}
        self._process: Process | None = None

    def install(self) -> None:
        """Its CRDs, until the API server serves them."""
        for path in self.programs.crds:
            # Too large for the annotation of a client-side apply.
            self.cluster.kubectl("apply", "--server-side", "-f", str(path))
        names = [f"crd/{name}" for name in CRDS]
        timeout = f"--timeout={ESTABLISHED_SECONDS}s"
        self.cluster.kubectl("wait", "--for=condition=Established", timeout, *names)

    def start(self) -> Eso:
        """As the cluster's admin: what its chart's RBAC allows is no question here."""
        self._process = Process(
            [str(self.programs.controller), *self._arguments],
            self.cluster.log_folder / "eso.log",
            {**self.cluster.environment(), **self._env},
        )
        return self

    def stop(self) -> int:
        assert self._process is not None
        return self._process.stop()

    def kill(self) -> None:
        if self._process is not None and self._process.running:
            self._process.kill()

    def check_running(self) -> None:
        assert self._process is not None
        self._process.check_running()

    def __enter__(self) -> Eso:
        self.install()
        return self.start()

    def __exit__(self, exception: object, *_: object) -> None:
        if exception is not None:
            self.cluster.keep_logs()
        self.kill()


def aws_environment(aws: AwsStandIn) -> dict[str, str]:
    """The endpoints by the names that ESO reads; the keys and the region by AWS's own."""
    variables = dict(aws.environment())
    for name in ("SECRETSMANAGER", "SSM", "STS"):
        variables[f"AWS_{name}_ENDPOINT"] = aws.endpoint
    if aws.ca_file is not None:
        variables["SSL_CERT_FILE"] = aws.ca_file
    return variables


class Vectors:
    """The second program, kept running: one question at a time. tests/cluster/eso/README.md lists
    the questions."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [str(locate_eso().vectors)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def ask(self, op: str, **members: Any) -> dict[str, Any]:
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.write(json.dumps({"op": op, **members}) + "\n")
        self._child.stdin.flush()
        return json.loads(self._child.stdout.readline())

    def ask_all(self, questions: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        for question in questions:
            yield self.ask(**question)

    def __enter__(self) -> Vectors:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait(10)


def main() -> int:
    try:
        programs = locate_eso()
    except ProgramsError as error:
        print(error, file=sys.stderr)
        return 1
    for path in (programs.controller, programs.vectors, *programs.crds):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
