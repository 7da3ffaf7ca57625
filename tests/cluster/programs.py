# SPDX-License-Identifier: Apache-2.0
"""Finds, or builds once, the programs of the control plane.

programs/ is a Go module that pins etcd, the four Kubernetes programs, helm, kustomize and KWOK.
They are built into the cache (go_module.py) as programs/<key>/bin and programs/<key>/stages.

Where all programs exist elsewhere nothing is built: KUBEBUILDER_ASSETS (the convention of envtest,
a folder) goes first, program by program, then PATH, but only if it has all that is left.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.go_module import BIN, GoModule, ProgramsError

# Names that the one program of the module answers to.
MULTI_CALL = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
# The module's tools: name, package.
TOOLS = {
    "helm": "helm.sh/helm/v3/cmd/helm",
    "kustomize": "sigs.k8s.io/kustomize/kustomize/v5",
    "kwok": "sigs.k8s.io/kwok/cmd/kwok",
}
ALL = (*MULTI_CALL, *TOOLS)

# KWOK does nothing without stages: they say what becomes of a Node and of a Pod. Its module ships
# these; its program does not contain them.
STAGES = (
    "node/fast/node-initialize.yaml",
    "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "pod/fast/pod-ready.yaml",
    "pod/fast/pod-complete.yaml",
    "pod/fast/pod-delete.yaml",
)

MODULE = GoModule(
    folder=Path(__file__).parent / "programs",
    name="programs",
    title="the control plane programs",
    minutes=5,
    remedy=(
        "Or set KUBEBUILDER_ASSETS to a folder that holds "
        + ", ".join(ALL)
        + " and KWOK's stages in a folder `stages`."
    ),
)


@dataclass(frozen=True)
class Programs:
    """Where each program is; `stages` are the files that KWOK runs by."""

    paths: Mapping[str, Path]
    stages: tuple[Path, ...]

    def __getitem__(self, name: str) -> str:
        return str(self.paths[name])

    def search_path(self) -> str:
        """A PATH on which all programs are found, before whatever else is called the same."""
        folders = dict.fromkeys(str(path.parent) for path in self.paths.values())
        return os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)])


def locate_programs(quiet: bool = False) -> Programs:
    """The programs; builds them if they are in no other place (5 minutes on two cores)."""
    supplied = _supplied_programs()
    if supplied is not None:
        return supplied
    entry = MODULE.locate(cache_key(), _build_command(), _finish, quiet)
    assets = _assets()
    paths = {name: assets.get(name, entry / "bin" / name) for name in ALL}
    return Programs(paths, tuple(entry / "stages" / Path(stage).name for stage in STAGES))


def cache_key() -> str:
    """Of the module and of the build command: the same key means the same programs."""
    return MODULE.key([_build_command(), STAGES])


def _assets() -> dict[str, Path]:
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    if not folder:
        return {}
    found = {name: Path(folder) / name for name in ALL if os.access(Path(folder) / name, os.X_OK)}
    # KWOK's stages belong to its version: one without the other is of no use.
    if "kwok" in found and not _stages_beside(found["kwok"]):
        del found["kwok"]
    return found


def _supplied_programs() -> Programs | None:
    paths = _assets()
    for name in ALL:
        if name not in paths:
            found = shutil.which(name)
            if found is None:
                return None
            paths[name] = Path(found)
    stages = _stages_beside(paths["kwok"])
    return Programs(paths, stages) if stages else None


def _stages_beside(kwok: Path) -> tuple[Path, ...]:
    """The stages in a folder `stages` beside or above the program, if all of them are there."""
    for folder in (kwok.parent / "stages", kwok.parent.parent / "stages"):
        stages = tuple(folder / Path(stage).name for stage in STAGES)
        if all(stage.is_file() for stage in stages):
            return stages
    return ()


def _build_command() -> list[str]:
    kubernetes = MODULE.pinned_version("k8s.io/kubernetes")
    major, minor = kubernetes.lstrip("v").split(".")[:2]
    # Without these the server calls itself v0.0.0, and what compares versions goes astray.
    variables = {
        "k8s.io/component-base/version.gitVersion": kubernetes,
        "k8s.io/component-base/version.gitMajor": major,
        "k8s.io/component-base/version.gitMinor": minor,
        "k8s.io/client-go/pkg/version.gitVersion": kubernetes,
        # What `helm template` assumes when no cluster is asked.
        "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor": major,
        "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor": minor,
        "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor": major,
        "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor": minor,
        "helm.sh/helm/v3/internal/version.version": MODULE.pinned_version("helm.sh/helm/v3"),
    }
    flags = " ".join(["-s -w", *(f"-X {name}={value}" for name, value in variables.items())])
    return [
        *("go", "build", "-mod=readonly", "-trimpath", "-ldflags", flags),
        *("-o", BIN, ".", *TOOLS.values()),
    ]


def _finish(go: str, entry: Path) -> None:
    for name in MULTI_CALL:
        (entry / "bin" / name).symlink_to("programs")
    folder = entry / "stages"
    folder.mkdir()
    stages = MODULE.source_folder(go, "sigs.k8s.io/kwok") / "kustomize" / "stage"
    for stage in STAGES:
        # Files of the module cache are read-only; copyfile leaves that behind.
        shutil.copyfile(stages / stage, folder / Path(stage).name)


def main() -> int:
    try:
        programs = locate_programs()
    except ProgramsError as error:
        print(error, file=sys.stderr)
        return 1
    for name in ALL:
        print(f"{name:24}{programs[name]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
