# SPDX-License-Identifier: Apache-2.0
"""Finds, or builds once, the programs of the control plane.

programs/ is a Go module that pins etcd, the four Kubernetes programs, helm, kustomize and KWOK.
They are built into a cache outside the checkout, under a key of everything that decides the result,
and reused by every run and every checkout with the same key:

    ${KEYTURN_CACHE:-${XDG_CACHE_HOME:-~/.cache}/keyturn}/programs/<key>/bin, .../stages

Where all programs exist elsewhere nothing is built: KUBEBUILDER_ASSETS (the convention of envtest,
a folder) goes first, program by program, then PATH, but only if it has all that is left.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MODULE = Path(__file__).parent / "programs"

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

# The first Go that can fetch, by itself, the newer one that go.mod asks for (GOTOOLCHAIN=auto).
OLDEST_GO = (1, 21)
# Where go.dev's archive is unpacked to, often without being on PATH.
USUAL_GO = "/usr/local/go/bin/go"
PROGRESS_SECONDS = 10


class ProgramsError(Exception):
    """The programs can be neither found nor built. The message says what to do."""


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


def cache_dir() -> Path:
    explicit = os.environ.get("KEYTURN_CACHE")
    if explicit:
        return Path(explicit)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "keyturn"


def locate_programs(quiet: bool = False) -> Programs:
    """The programs; builds them if they are in no other place (5 minutes on two cores)."""
    supplied = _supplied_programs()
    if supplied is not None:
        return supplied
    entry = cache_dir() / "programs" / cache_key()
    if not (entry / "complete").exists():
        with _build_lock(entry):
            # Whoever held the lock before may have built it.
            if not (entry / "complete").exists():
                _build(entry, quiet)
    assets = _assets()
    paths = {name: assets.get(name, entry / "bin" / name) for name in ALL}
    return Programs(paths, tuple(entry / "stages" / Path(stage).name for stage in STAGES))


def cache_key() -> str:
    """Of the module and of the build command: the same key means the same programs."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", "main.go"):
        digest.update((MODULE / name).read_bytes())
    digest.update(json.dumps([_build_command("go", "bin"), STAGES]).encode())
    digest.update(f"{platform.system()} {platform.machine()}".encode())
    return digest.hexdigest()[:16]


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


def pinned_version(module: str) -> str:
    match = re.search(
        rf"^\s*(?:require\s+)?{re.escape(module)} (v\S+)", (MODULE / "go.mod").read_text(), re.M
    )
    if match is None:
        raise ProgramsError(f"{MODULE / 'go.mod'} does not require {module}")
    return match[1]


def _build_command(go: str, output: str) -> list[str]:
    kubernetes = pinned_version("k8s.io/kubernetes")
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
        "helm.sh/helm/v3/internal/version.version": pinned_version("helm.sh/helm/v3"),
    }
    flags = " ".join(["-s -w", *(f"-X {name}={value}" for name, value in variables.items())])
    return [
        *(go, "build", "-mod=readonly", "-trimpath", "-ldflags", flags),
        *("-o", output + os.sep, ".", *TOOLS.values()),
    ]


def _find_go() -> str:
    remedy = (
        "The test programs are built from source and need Go 1.21 or later (it fetches by itself "
        "the version that tests/cluster/programs/go.mod names). Debian 12's own golang-1.19 cannot "
        "do that: install golang-go from bookworm-backports, or unpack go.dev/dl to /usr/local/go "
        "and put /usr/local/go/bin on PATH. Or set KUBEBUILDER_ASSETS to a folder that holds "
        + ", ".join(ALL)
        + " and KWOK's stages in a folder `stages`."
    )
    found = []
    for go in (shutil.which("go"), USUAL_GO):
        if go is None or not os.access(go, os.X_OK):
            continue
        reply = subprocess.run(
            [go, "version"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "GOTOOLCHAIN": "local"},
        )
        match = re.search(r"\bgo(\d+)\.(\d+)", reply.stdout)
        if match and (int(match[1]), int(match[2])) >= OLDEST_GO:
            return go
        found.append(f"{go} is {match[0] if match else 'no Go'}")
    raise ProgramsError(f"{'; '.join(found) or 'There is no Go'}. {remedy}")


def _build(entry: Path, quiet: bool) -> None:
    go = _find_go()
    for left_over in entry.parent.glob(f".{entry.name}-*"):  # of a build that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=f".{entry.name}-", dir=entry.parent))
    log = entry.parent / f"{entry.name}.log"
    try:
        _run_build(go, work / "bin", log, quiet)
        for name in MULTI_CALL:
            (work / "bin" / name).symlink_to("programs")
        _copy_stages(go, work / "stages")
        (work / "complete").touch()
        shutil.rmtree(entry, ignore_errors=True)
        work.chmod(0o755)
        work.rename(entry)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run_build(go: str, output: Path, log: Path, quiet: bool) -> None:
    started = time.monotonic()
    _say(quiet, f"building the control plane programs with {go}; once, some 5 minutes ({log})")
    with log.open("wb") as stream:
        build = subprocess.Popen(
            _build_command(go, str(output)),
            cwd=MODULE,
            env={**os.environ, "GOTOOLCHAIN": os.environ.get("GOTOOLCHAIN", "auto"), "GOFLAGS": ""},
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        try:
            while True:
                try:
                    status = build.wait(PROGRESS_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    _say(quiet, f"  {_elapsed(started)} {_last_line(log)}".rstrip())
        except BaseException:
            build.kill()
            build.wait()
            raise
    if status != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise ProgramsError(f"go build failed ({status}); the end of {log}:\n{tail}")
    _say(quiet, f"  {_elapsed(started)} built")


def _copy_stages(go: str, folder: Path) -> None:
    """Out of the module cache, which may be emptied later while the programs stay."""
    reply = subprocess.run(
        [go, "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok"],
        cwd=MODULE,
        env={**os.environ, "GOFLAGS": "-mod=readonly"},
        capture_output=True,
        text=True,
        check=True,
    )
    folder.mkdir()
    for stage in STAGES:
        source = Path(reply.stdout.strip()) / "kustomize" / "stage" / stage
        # Files of the module cache are read-only; copyfile leaves that behind.
        shutil.copyfile(source, folder / source.name)


@contextmanager
def _build_lock(entry: Path) -> Iterator[None]:
    """One build at a time; the kernel drops the lock with its holder, whatever ends that one."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with (entry.parent / "build.lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if int(time.monotonic() - started) % PROGRESS_SECONDS == 0:
                    _say(False, f"  {_elapsed(started)} waiting: another run builds the programs")
                time.sleep(1)
        yield


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1] if lines else "compiling"


def _elapsed(started: float) -> str:
    seconds = int(time.monotonic() - started)
    return f"{seconds // 60}:{seconds % 60:02d}"


def _say(quiet: bool, line: str) -> None:
    if not quiet:
        print(line, file=sys.stderr, flush=True)


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
