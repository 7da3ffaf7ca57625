# SPDX-License-Identifier: Apache-2.0
"""Where the programs come from, with a `go` that only pretends to build."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.go_module import ProgramsError
from tests.cluster.programs import (
    ALL,
    MODULE,
    STAGES,
    TOOLS,
    cache_key,
    locate_programs,
)

ROOT = Path(__file__).parents[2]

# Knows what programs.py asks of go: version, list (where KWOK's module is), build. Each build
# leaves a line in the file `builds` and takes long enough for another run to meet it.
GO = """#!/bin/sh
case $1 in
version) echo "go version %(version)s linux/amd64" ;;
list) echo %(folder)s/module ;;
build)
    echo build >>%(folder)s/builds
    [ -z "%(broken)s" ] || { echo "main.go:1: this is broken"; exit 1; }
    while [ "$1" != -o ]; do shift; done
    mkdir -p "$2"
    for name in programs %(tools)s; do printf '#!/bin/sh\\n' >"$2/$name"; chmod +x "$2/$name"; done
    sleep 1
    ;;
esac
"""


def write_program(path: Path, text: str = "#!/bin/sh\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, nothing supplied, and a PATH without any of the programs."""
    monkeypatch.setenv("KEYTURN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    for stage in STAGES:
        path = tmp_path / "module" / "kustomize" / "stage" / stage
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {stage}\n")
        path.chmod(0o444)  # as in the module cache
    return tmp_path


def install_go(folder: Path, version: str = "go1.26.8", broken: str = "") -> None:
    values = {"version": version, "folder": folder, "broken": broken, "tools": " ".join(TOOLS)}
    write_program(folder / "path" / "go", GO % values)


def builds(folder: Path) -> int:
    return len((folder / "builds").read_text().splitlines())


def test_builds_once_and_reuses(folder: Path) -> None:
    install_go(folder)
    first = locate_programs(quiet=True)
    entry = folder / "cache" / "programs" / cache_key()
    assert {name: Path(first[name]) for name in ALL} == {name: entry / "bin" / name for name in ALL}
    assert all(os.access(first[name], os.X_OK) for name in ALL)
    assert [stage.read_text() for stage in first.stages] == [f"# {stage}\n" for stage in STAGES]
    assert all(os.access(stage, os.W_OK) for stage in first.stages)
    assert locate_programs() == first
    assert builds(folder) == 1
    assert first.search_path().startswith(f"{entry / 'bin'}:")


def test_two_runs_build_once(folder: Path) -> None:
    install_go(folder)
    command = [sys.executable, "-m", "tests.cluster.programs"]
    runs = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    outputs = [run.communicate(timeout=60)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert outputs[0] == outputs[1]
    assert builds(folder) == 1


def test_build_that_was_killed_is_done_again(folder: Path) -> None:
    install_go(folder)
    programs = folder / "cache" / "programs"
    (programs / f".{cache_key()}-abandoned" / "bin").mkdir(parents=True)
    (programs / cache_key() / "bin").mkdir(parents=True)
    locate_programs(quiet=True)
    assert builds(folder) == 1
    assert not list(programs.glob(".*"))


def test_build_that_fails_says_why(folder: Path) -> None:
    install_go(folder, broken="yes")
    with pytest.raises(ProgramsError, match="main.go:1: this is broken"):
        locate_programs(quiet=True)
    assert not list((folder / "cache" / "programs").glob("*/complete"))


@pytest.mark.parametrize("version", ["go1.19.8", "go1.20", "nonsense"])
def test_go_that_is_too_old_is_refused_with_a_remedy(
    folder: Path, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.cluster.go_module.USUAL_GO", str(folder / "no-go"))
    install_go(folder, version)
    with pytest.raises(ProgramsError) as refused:
        locate_programs(quiet=True)
    go = str(folder / "path" / "go")
    for part in (go, "Go 1.21", "bookworm-backports", "KUBEBUILDER_ASSETS"):
        assert part in str(refused.value)


def test_assets_are_honoured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """envtest's folder holds three programs; the others are built."""
    install_go(folder)
    assets = folder / "assets"
    supplied = ("etcd", "kube-apiserver", "kubectl")
    for name in supplied:
        write_program(assets / name)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    programs = locate_programs(quiet=True)
    for name in ALL:
        assert (Path(programs[name]).parent == assets) == (name in supplied), name


def test_path_is_honoured_if_it_has_everything(folder: Path) -> None:
    bin_folder = folder / "path"
    for name in ALL:
        write_program(bin_folder / name)
    # KWOK without its stages is of no use.
    install_go(folder)
    assert Path(locate_programs(quiet=True)["kubectl"]).parent != bin_folder
    for stage in STAGES:
        path = bin_folder / "stages" / Path(stage).name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    programs = locate_programs(quiet=True)
    assert {Path(programs[name]).parent for name in ALL} == {bin_folder}
    (bin_folder / "helm").unlink()
    assert Path(locate_programs(quiet=True)["kubectl"]).parent != bin_folder


def test_versions_are_those_of_the_module() -> None:
    assert MODULE.pinned_version("k8s.io/kubernetes") == "v1.36.3"
    assert MODULE.pinned_version("sigs.k8s.io/kwok") == "v0.8.0"
    with pytest.raises(ProgramsError):
        MODULE.pinned_version("example.com/unknown")
