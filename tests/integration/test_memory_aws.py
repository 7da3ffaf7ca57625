# SPDX-License-Identifier: Apache-2.0
"""Scenario 79 for everything that comes from AWS or opens it: values, tokens, credentials. Each way
is also gone through broken answers, refusals and repeated tries, with TLS at both ends, and all
handles and watches are still open when memory is looked through.

Cached values are sealed, so that no value is anywhere. Credentials are in the one place where they
are kept while they are in use, those of the environment also in the block that the system handed
over. Of what they replaced, and of all tokens that were exchanged for them, nothing is left.

Each scenario has a program and stand-ins of its own, and all run at the same time. Of the release
build: the sanitizers bring an allocator of their own, which neither wipes nor returns what is
freed.
"""

from __future__ import annotations

import base64
import collections
import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.integration.builds import SANITIZED, SLOWER
from tests.integration.planted import Planted, assert_left, assert_nothing_said
from tests.integration.probe import eventually
from tests.integration.remote import (
    BREAKS,
    MATERIALISING,
    PARAMETER_STORE,
    breaks,
    by_keys,
    by_service_account,
    external_secret,
    role_arn,
    service_account,
    store,
    wait_data,
)
from tests.integration.serving import NAMESPACE, Serving, secret
from tests.support.api_server import ApiServer
from tests.support.aws_identity import Principal
from tests.support.aws_jwt import TokenIssuer
from tests.support.aws_metadata import ContainerEndpoint
from tests.support.aws_standin import AwsStandIn, trusting_account, trusting_service_account

pytestmark = [
    pytest.mark.skipif(SANITIZED, reason="measures the release build's allocator"),
    pytest.mark.skipif(os.geteuid() != 0, reason="reads the memory of another process"),
]

VALUE = "GetSecretValue"
BATCH = "BatchGetSecretValue"
EXPIRED: tuple[str, dict[str, Any]] = ("error", {"code": "ExpiredTokenException"})
# In the environment block, in what reads it, and where the cache keeps them.
ENVIRONMENT_PLACES = 3


@dataclass
class Scene:
    api: ApiServer
    aws: AwsStandIn
    folder: Path
    planted: Planted = field(default_factory=Planted)
    in_use: dict[str, int] = field(default_factory=dict)
    serving: Serving = field(init=False)

    @contextlib.contextmanager
    def serve(self, environment: dict[str, str]) -> Iterator[None]:
        """What is planted must be as `in_use` says when all is done."""
        with Serving(self.api, self.folder, environment, **MATERIALISING) as self.serving:
            self.serving.wait_synced()
            yield
            self.quiet()
            assert_left(self.serving, self.planted, self.in_use)
            assert_nothing_said(self.serving, self.planted)

    def quiet(self) -> None:
        """Nothing is described any more, so nobody asks for anything."""
        for each in self.api.objects("externalsecrets"):
            self.api.delete("externalsecrets", NAMESPACE, each["metadata"]["name"])
        calls = self.aws.log.calls()
        eventually(lambda: all(call.outcome is not None for call in calls), "all calls answered")

    def script(self, names: list[str], **where: str) -> None:
        self.aws.script(*[(kind, params) for _, kind, params in breaks(names)], **where)

    def use(self, principal: Principal, name: str, places: int = 1) -> None:
        self.planted.add_principal(name, principal)
        self.in_use[f"{name}: key"] = places
        if principal.session_token is not None:
            self.in_use[f"{name}: token"] = places

    def plant_sessions(self) -> None:
        """Of all that a role has opened under one name, the one of the last call that went well is
        in use."""
        last = {
            call.principal: call.serial
            for call in self.aws.calls()
            if call.outcome == "ok" and call.principal is not None
        }
        opened = collections.defaultdict(list)
        for session in self.aws.identities.sessions():
            opened[session.arn].append(session)
        for arn, sessions in opened.items():
            used = max(sessions, key=lambda each: last.get(each.access_key_id, 0))
            assert used.access_key_id in last, f"no call of {arn}"
            for number, session in enumerate(sessions):
                name = f"{arn.partition('/')[2]}: session {number} of {len(sessions)}"
                if session is used:
                    self.use(session, name)
                else:
                    self.planted.add_principal(name, session)


@contextlib.contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    with ApiServer() as api, AwsStandIn(tls=True) as aws:
        yield Scene(api, aws, folder)


# Values.


@dataclass
class Values:
    """Those of one service, behind one ExternalSecret that is refreshed all the time."""

    scene: Scene
    put: Callable[[str, Any], object]
    names: tuple[str, ...]
    binary: bool = False

    def change(self, what: str) -> dict[str, Any]:
        wanted: dict[str, Any] = {}
        for number, name in enumerate(self.names):
            planted = self.scene.planted
            if self.binary:
                value: Any = secrets.token_bytes(48)
                planted.add(f"{what} {name}", value)
            else:
                value = planted.new(f"{what} {name}")
            self.put(name, value)
            wanted[f"key{number}"] = value
        return wanted

    def describe(self) -> None:
        keys = {f"key{number}": name for number, name in enumerate(self.names)}
        self.scene.api.put(external_secret("db", keys, refresh="1s"))

    def rotate(self, what: str) -> None:
        wait_data(self.scene.api, "db", 30, **self.change(what))

    def break_all(self, operation: str) -> None:
        aws = self.scene.aws
        for name, kind, params in breaks():
            if kind == "garbage":
                params["body"] = b'{"SecretString":"' + self.scene.planted.new("garbage").encode()
            self.broken(name, aws.fail(kind, operation=operation, times=1, **params))
        for kind, params in (EXPIRED, ("access_denied", {})):
            self.broken(kind, aws.fail(kind, operation=operation, times=1, **params))

    def broken(self, name: str, fault: Any) -> None:
        self.rotate(f"with {name}")
        fault.wait_hits(timeout=10 * SLOWER)


def begin(scene: Scene, values: Values, **aws: str) -> None:
    scene.api.put(store(**aws))
    wanted = values.change("first")
    values.describe()
    wait_data(scene.api, "db", **wanted)


def own_keys(scene: Scene) -> dict[str, str]:
    scene.use(scene.aws.add_principal("AKIDOWN", new_key()), "own", ENVIRONMENT_PLACES)
    return scene.aws.environment()


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(30)).decode()


def skewed_clock(scene: Scene, values: Values) -> None:
    """The first try is refused, the second has the time that the refusal brought."""
    for seconds in (3600, 0):
        scene.aws.clock.set_offset(seconds)
        values.rotate(f"with a clock {seconds} s ahead")


def one_by_one(folder: Path) -> None:
    with scene(folder) as it, it.serve(own_keys(it)):
        values = Values(it, it.aws.put, ("/prod/db",))
        begin(it, values)
        values.break_all(VALUE)
        skewed_clock(it, values)


def binary(folder: Path) -> None:
    with scene(folder) as it, it.serve(own_keys(it)):
        values = Values(it, it.aws.put, ("/prod/db",), binary=True)
        begin(it, values)
        values.break_all(VALUE)


def in_batches(folder: Path) -> None:
    with scene(folder) as it, it.serve(own_keys(it)):
        values = Values(it, it.aws.put, ("/prod/a", "/prod/b", "/prod/c"))
        begin(it, values)
        # Of one alone.
        for kind in ("throttle", "access_denied", "omit"):
            values.broken(kind, it.aws.fail(kind, operation=BATCH, secret="/prod/b", times=1))
        values.break_all(BATCH)
        assert it.aws.count(BATCH, outcome="ok") > len(BREAKS) / 2


def parameters(folder: Path) -> None:
    def put(name: str, value: str) -> object:
        return it.aws.put_parameter(name, value)

    with scene(folder) as it, it.serve(own_keys(it)):
        values = Values(it, put, ("/prod/db",))
        begin(it, values, service=PARAMETER_STORE)
        values.break_all("GetParameter")


def parameters_in_batches(folder: Path) -> None:
    def put(name: str, value: str) -> object:
        return it.aws.put_parameter(name, value)

    with scene(folder) as it, it.serve(own_keys(it)):
        values = Values(it, put, ("/prod/a", "/prod/b"))
        begin(it, values, service=PARAMETER_STORE)
        values.break_all("GetParameters")


# Credentials: an identity for each way to break what opens it.


def read_by(scene: Scene, stores: list[str]) -> None:
    """A value by each of these stores, that none has read before."""
    wanted = {}
    for name in stores:
        remote = f"/{name}/{secrets.token_hex(4)}"
        wanted[name] = scene.planted.new(f"read by {name}")
        scene.aws.put(remote, wanted[name])
        scene.api.put(external_secret(f"by-{name}", remote, name))
    for name, value in wanted.items():
        wait_data(scene.api, f"by-{name}", 30, password=value)


def break_role(scene: Scene, operation: str, name: str, kind: str, params: dict[str, Any]) -> None:
    scene.aws.fail(kind, operation=operation, role=name, times=1, **params)


def roles(folder: Path) -> None:
    """Of the environment's keys, and of the session of another role."""
    names = [name for name in BREAKS if name != "duplicates"]
    with scene(folder) as it:
        environment = own_keys(it)
        base = it.aws.add_role("base", trusting_account())
        for name, kind, params in breaks(names):
            it.aws.add_role(name, trusting_account())
            break_role(it, "AssumeRole", name, kind, params)
            more = {"additionalRoles": [base.arn]} if name > "h" else {}
            it.api.put(store(name, role=role_arn(name), **more))
        break_role(it, "AssumeRole", "base", "half_body", {})
        with it.serve(environment):
            read_by(it, names)
            # What was in use is not any more.
            for name in names:
                it.aws.expire(name)
            break_role(it, "AssumeRole", "half", "reset_after_headers", {})
            read_by(it, names)
            it.plant_sessions()


def service_accounts(folder: Path) -> None:
    """Tokens of the API server, which breaks its answers, too."""
    issuer = TokenIssuer()
    issued: list[str] = []

    def issue(namespace: str, name: str, audiences: list[str], seconds: int) -> str:
        now = it.aws.clock.now()
        issued.append(
            issuer.service_account(namespace, name, audience=audiences, now=now, seconds=seconds)
        )
        return issued[-1]

    names = [name for name in BREAKS if name not in ("duplicates", "throttled")]
    with scene(folder) as it:
        it.api.issue_tokens(issue)
        provider = it.aws.add_identity_provider(issuer.issuer, issuer.jwks)
        for name, kind, params in breaks(names):
            it.aws.add_role(name, trusting_service_account(provider, NAMESPACE, name))
            it.api.put(service_account(name, name))
            it.api.put(store(name, **by_service_account(name)))
            break_role(it, "AssumeRoleWithWebIdentity", name, kind, params)
            if kind in ("half_body", "reset_after_headers", "content_length", "drip"):
                it.api.fail(kind, resource="serviceaccounts", name=name, verb="create", times=1)
        it.aws.fail("error", code="InvalidIdentityToken", role="closed", times=1)
        with it.serve(it.aws.endpoint_environment()):
            read_by(it, names)
            for name in names:
                it.aws.expire(name)
            read_by(it, names)
            assert len(issued) > 2 * len(names)
            for number, token in enumerate(issued):
                it.planted.add(f"token {number}", token.encode())
            it.plant_sessions()


def web_identity(folder: Path) -> None:
    """Of a file, which is replaced meanwhile."""
    issuer = TokenIssuer()
    file = folder / "token"

    def write() -> None:
        token = issuer.service_account("keyturn-system", "keyturn", now=it.aws.clock.now())
        it.planted.add(f"token {len(it.planted.markers)}", token.encode())
        file.write_text(token + "\n")

    with scene(folder) as it:
        provider = it.aws.add_identity_provider(issuer.issuer, issuer.jwks)
        it.aws.add_role("own", trusting_service_account(provider, "keyturn-system", "keyturn"))
        it.api.put(store())
        write()
        # Three tries, and again after one second, and two.
        it.script(["page", "reset-late", "half", "garbage", "long", "dripping"], service="sts")
        environment = {
            **it.aws.endpoint_environment(),
            "AWS_ROLE_ARN": role_arn("own"),
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(file),
        }
        with it.serve(environment):
            read_by(it, ["aws"])
            write()
            it.aws.expire("own")
            it.script(["short", "reset", "closed", "oversized"], service="sts")
            read_by(it, ["aws"])
            assert it.aws.faults() == []
            it.plant_sessions()


def container(folder: Path, token_file: bool) -> None:
    file = folder / "token" if token_file else None
    with scene(folder) as it:
        it.aws.add_role("pod", trusting_account())
        it.api.put(store())
        it.script(["page", "closed", "reset", "reset-late", "half", "short"], service="container")
        it.script(["garbage", "long", "dripping"], service="container")
        with ContainerEndpoint(it.aws, "pod", token_file=file) as endpoint:
            environment = {**it.aws.endpoint_environment(), **endpoint.environment()}
            with it.serve(environment):
                read_by(it, ["aws"])
                assert it.aws.faults() == []
                it.aws.expire("pod")
                it.script(["half"], service="container")
                endpoint.new_session()
                if token_file:
                    it.planted.add("first token", endpoint.token.encode())
                    endpoint.rotate_token()
                read_by(it, ["aws"])
                it.planted.add("token", endpoint.token.encode())
                # As handed over, and with what asks.
                it.in_use["token"] = 0 if token_file else 2
                it.plant_sessions()


def keys_in_secrets(folder: Path) -> None:
    """Read from the API server, which breaks its answers."""
    names = ["closed", "reset", "reset-late", "half", "short", "long", "garbage", "dripping"]

    def put_keys(name: str, generation: int) -> Principal:
        user = it.aws.add_principal(
            f"AKID{len(users)}{generation}", new_key(), session_token=secrets.token_urlsafe(60)
        )
        assert user.session_token is not None
        data = {"id": user.access_key_id, "key": user.secret_access_key}
        it.api.put(secret(f"keys-{name}", **data, token=user.session_token))
        return user

    with scene(folder) as it:
        users: list[tuple[str, Principal]] = []
        for name, kind, params in breaks(names):
            users.append((f"first {name}", put_keys(name, 1)))
            it.api.put(store(name, **by_keys(f"keys-{name}", token=True)))
            it.api.fail(
                kind, verb="get", resource="secrets", name=f"keys-{name}", times=1, **params
            )
        with it.serve(it.aws.endpoint_environment()):
            read_by(it, names)
            for name, user in users:
                it.use(user, name)


# All at once.

SCENARIOS: dict[str, Callable[[Path], None]] = {
    "one_by_one": one_by_one,
    "binary": binary,
    "in_batches": in_batches,
    "parameters": parameters,
    "parameters_in_batches": parameters_in_batches,
    "roles": roles,
    "service_accounts": service_accounts,
    "web_identity": web_identity,
    "container_token": lambda folder: container(folder, False),
    "container_token_file": lambda folder: container(folder, True),
    "keys_in_secrets": keys_in_secrets,
}


@pytest.fixture(scope="module")
def under_way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[None]]]:
    with ThreadPoolExecutor(4) as pool:
        yield {
            name: pool.submit(scenario, tmp_path_factory.mktemp(name))
            for name, scenario in SCENARIOS.items()
        }


@pytest.mark.parametrize("name", SCENARIOS)
def test_s79_no_value_token_or_old_credential_is_left(
    under_way: dict[str, Future[None]], name: str
) -> None:
    under_way[name].result(timeout=280)
