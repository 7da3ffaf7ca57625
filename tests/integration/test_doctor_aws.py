# SPDX-License-Identifier: Apache-2.0
"""`keyturn doctor aws` against the AWS stand-in: who wins, what fails, what helps, and the exit
status; never a secret."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.integration.builds import BINARY, SLOWER, program_environment
from tests.integration.remote import role_arn
from tests.support.aws_jwt import TokenIssuer
from tests.support.aws_metadata import ContainerEndpoint, InstanceMetadata
from tests.support.aws_standin import AwsStandIn, trusting_account, trusting_service_account

SECRET = "the value that nobody may see"


@dataclass
class Findings:
    status: int
    lines: list[str]

    def mark(self, what: str) -> str:
        """Of what was looked at: ok, note or FAIL."""
        return self.line(what).split()[0]

    def line(self, what: str) -> str:
        (found,) = [each for each in self.lines if each[6:].startswith(what)]
        return found

    def remedy(self, what: str) -> str:
        """The line below."""
        following = self.lines[self.lines.index(self.line(what)) + 1]
        assert following.split()[0] == "->", following
        return following.split("-> ")[1]

    def failed(self) -> list[str]:
        return [each[6:23].strip() for each in self.lines if each.startswith("FAIL")]


@dataclass
class Doctor:
    aws: AwsStandIn
    hidden: list[str] = field(default_factory=lambda: [SECRET])

    def __call__(self, environment: Mapping[str, str], *options: str) -> Findings:
        done = subprocess.run(
            [str(BINARY), "doctor", "aws", *options],
            env={**program_environment(), **environment},
            capture_output=True,
            text=True,
            timeout=60 * SLOWER,
        )
        output = done.stdout + done.stderr
        for principal in [*self.aws.identities.users(), *self.aws.identities.sessions()]:
            self.hidden.append(principal.secret_access_key)
            self.hidden += [principal.session_token] if principal.session_token else []
        assert not [each for each in self.hidden if each in output]
        assert "Sanitizer" not in output and "runtime error" not in output, output
        assert done.stderr == ""
        for line in done.stdout.splitlines():
            assert re.match(r"(ok|note|FAIL) +\S|      +-> \S", line), line
        return Findings(done.returncode, done.stdout.splitlines())


@pytest.fixture
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn() as standin:
        standin.put("/prod/db", SECRET)
        standin.put_parameter("/prod/db", SECRET)
        yield standin


@pytest.fixture
def doctor(aws: AwsStandIn) -> Doctor:
    return Doctor(aws)


@pytest.fixture
def own(aws: AwsStandIn) -> dict[str, str]:
    aws.add_principal()
    return aws.environment()


ALL_WELL = ("region", "credentials", "identity", "Secrets Manager", "Parameter Store")


def assert_well(findings: Findings) -> None:
    assert [findings.mark(what) for what in ALL_WELL] == ["ok"] * len(ALL_WELL), findings.lines
    assert (findings.status, findings.failed()) == (0, [])


# Which credentials are used.


def test_keys_of_the_environment(aws: AwsStandIn, doctor: Doctor, own: dict[str, str]) -> None:
    found = doctor(own, "--secret", "/prod/db", "--parameter", "/prod/db")
    assert_well(found)
    assert found.line("source           environment").split(": ")[1] == "used"
    assert "environment: access key AKIDEXAMPLE" in found.line("credentials")
    assert found.line("identity").endswith("arn:aws:iam::123456789012:user/akidexample")
    version = aws.calls("GetSecretValue")[0]
    assert version.outcome == "ok" and "has /prod/db, version" in found.line("Secrets Manager")
    assert found.line("Parameter Store").endswith("has /prod/db, version 1")
    assert {call.service for call in aws.calls()} == {"sts", "secretsmanager", "ssm"}
    assert aws.count() == 3


def test_without_a_name_it_is_enough_that_the_services_answer(
    doctor: Doctor, own: dict[str, str]
) -> None:
    found = doctor(own)
    assert_well(found)
    assert found.line("Secrets Manager").endswith(" answers")


def web_identity(aws: AwsStandIn, folder: Path) -> dict[str, str]:
    issuer, file = TokenIssuer(), folder / "token"
    provider = aws.add_identity_provider(issuer.issuer, issuer.jwks)
    aws.add_role("own", trusting_service_account(provider, "keyturn-system", "keyturn"))
    file.write_text(issuer.service_account("keyturn-system", "keyturn", now=aws.clock.now()))
    return {
        **aws.endpoint_environment(),
        "AWS_ROLE_ARN": role_arn("own"),
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(file),
    }


def test_a_web_identity(aws: AwsStandIn, doctor: Doctor, tmp_path: Path) -> None:
    environment = web_identity(aws, tmp_path)
    doctor.hidden.append((tmp_path / "token").read_text())
    found = doctor(environment, "--secret", "/prod/db")
    assert_well(found)
    assert re.search(r"web identity: access key ASIA\w+, valid for \d+ min", found.line("cred"))
    assert ":assumed-role/own/keyturn-doctor" in found.line("identity")


@pytest.mark.parametrize("of_file", [False, True], ids=["variable", "file"])
def test_a_container(aws: AwsStandIn, doctor: Doctor, tmp_path: Path, of_file: bool) -> None:
    aws.add_role("pod", trusting_account())
    with ContainerEndpoint(aws, "pod", token_file=tmp_path / "t" if of_file else None) as endpoint:
        doctor.hidden.append(endpoint.token)
        found = doctor({**aws.endpoint_environment(), **endpoint.environment()})
        assert_well(found)
        assert "container: access key ASIA" in found.line("credentials")


def test_an_instance_where_it_is_allowed(aws: AwsStandIn, doctor: Doctor) -> None:
    aws.add_role("node", trusting_account())
    with InstanceMetadata(aws, "node") as metadata:
        environment = {**aws.endpoint_environment(), **metadata.environment()}
        found = doctor(environment, "--aws-allow-imds")
        assert_well(found)
        assert "instance metadata: access key ASIA" in found.line("credentials")
        aws.reset_calls()
        found = doctor(environment)
        assert (found.status, found.failed()) == (1, ["credentials"])
        assert "the node's role is not allowed" in found.line("credentials")
        assert found.remedy("credentials") == "configure one of the sources above"
        assert aws.count() == 0


def test_the_first_source_wins_and_the_others_are_named(
    aws: AwsStandIn, doctor: Doctor, own: dict[str, str], tmp_path: Path
) -> None:
    found = doctor({**web_identity(aws, tmp_path), **own})
    assert_well(found)
    assert "environment: access key AKIDEXAMPLE" in found.line("credentials")
    sources = [line for line in found.lines if line[6:].startswith("source")]
    used = [line for line in sources if ": used: " in line]
    assert len(sources) == 4 and len(used) == 1 and "environment" in used[0]
    assert aws.count("AssumeRoleWithWebIdentity") == 0


# What is wrong, and what helps.


@pytest.mark.parametrize("missing", ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"])
def test_half_a_set_of_keys(
    aws: AwsStandIn, doctor: Doctor, own: dict[str, str], missing: str
) -> None:
    found = doctor({name: value for name, value in own.items() if name != missing})
    assert (found.status, found.failed()) == (1, ["configuration"])
    assert f"{missing} is not" in found.line("configuration")
    assert aws.count() == 0


@pytest.mark.parametrize("missing", ["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"])
def test_half_a_web_identity(
    aws: AwsStandIn, doctor: Doctor, tmp_path: Path, missing: str
) -> None:
    environment = web_identity(aws, tmp_path)
    del environment[missing]
    found = doctor(environment)
    assert found.status == 1 and f"{missing} is not" in found.lines[0], found.lines


def test_no_region(doctor: Doctor, own: dict[str, str]) -> None:
    del own["AWS_REGION"]
    found = doctor(own)
    assert (found.status, found.failed()) == (1, ["region"])
    assert found.remedy("region") == "give --region, or set AWS_REGION"
    assert_well(doctor(own, "--region", "us-east-1"))


def test_a_secret_that_is_denied(aws: AwsStandIn, doctor: Doctor, own: dict[str, str]) -> None:
    aws.deny("secretsmanager:GetSecretValue")
    found = doctor(own, "--secret", "/prod/db")
    assert (found.status, found.failed()) == (1, ["Secrets Manager"])
    assert "AccessDeniedException" in found.line("Secrets Manager")
    assert found.remedy("Secrets Manager").startswith("allow secretsmanager:GetSecretValue in")
    # Nothing was named: that it is not allowed on everything is how it should be.
    found = doctor(own)
    assert (found.status, found.mark("Secrets Manager")) == (0, "note")


def test_a_key_that_may_not_decrypt(aws: AwsStandIn, doctor: Doctor, own: dict[str, str]) -> None:
    aws.put("/prod/mine", SECRET, kms_key="mine")
    aws.put_parameter("/prod/mine", SECRET, kms_key="mine")
    aws.deny("kms:Decrypt", aws.keys().arn("mine"))
    found = doctor(own, "--secret", "/prod/mine", "--parameter", "/prod/mine")
    assert (found.status, found.failed()) == (1, ["Secrets Manager", "Parameter Store"])
    for service in found.failed():
        assert "kms:Decrypt" in found.remedy(service)


def test_a_name_that_is_not_there(doctor: Doctor, own: dict[str, str]) -> None:
    found = doctor(own, "--secret", "/prod/none", "--parameter", "/prod/none")
    assert (found.status, found.failed()) == (1, ["Secrets Manager", "Parameter Store"])
    assert "ResourceNotFoundException" in found.line("Secrets Manager")
    assert "ParameterNotFound" in found.line("Parameter Store")
    for service in found.failed():
        assert found.remedy(service).startswith("check name and region")


def test_a_role_that_may_not_be_assumed(
    aws: AwsStandIn, doctor: Doctor, tmp_path: Path
) -> None:
    environment = web_identity(aws, tmp_path)
    aws.add_role("own", trusting_account())
    found = doctor(environment)
    assert (found.status, found.failed()) == (1, ["credentials"])
    assert "AccessDenied" in found.line("credentials") and "role/own" in found.line("credentials")


def test_a_token_that_has_expired(aws: AwsStandIn, doctor: Doctor, tmp_path: Path) -> None:
    environment = web_identity(aws, tmp_path)
    doctor.hidden.append((tmp_path / "token").read_text())
    aws.clock.set_offset(7200)
    found = doctor(environment)
    assert (found.status, found.failed()) == (1, ["credentials"])
    assert "ExpiredTokenException" in found.line("credentials")


def test_credentials_that_have_expired(aws: AwsStandIn, doctor: Doctor) -> None:
    role = aws.add_role("own", trusting_account())
    session = aws.identities.open_session(role, "elsewhere", 900)
    assert session.session_token is not None
    environment = {
        **aws.endpoint_environment(),
        "AWS_ACCESS_KEY_ID": session.access_key_id,
        "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
        "AWS_SESSION_TOKEN": session.session_token,
    }
    assert_well(doctor(environment))
    aws.expire("own")
    found = doctor(environment)
    assert (found.status, len(found.failed())) == (1, 3)
    for what in ("identity", "Secrets Manager", "Parameter Store"):
        assert "Expired" in found.line(what)
        assert found.remedy(what).startswith("these credentials are not accepted")


def test_a_secret_access_key_of_another_id(
    aws: AwsStandIn, doctor: Doctor, own: dict[str, str]
) -> None:
    own["AWS_SECRET_ACCESS_KEY"] = wrong = "A" + own["AWS_SECRET_ACCESS_KEY"][1:]
    doctor.hidden.append(wrong)
    found = doctor(own)
    assert found.status == 1
    assert "SignatureDoesNotMatch" in found.line("identity")
    assert "secret access key belongs to the access key id" in found.remedy("identity")


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_clock_that_is_off_is_put_right_and_told(
    aws: AwsStandIn, doctor: Doctor, own: dict[str, str], seconds: int
) -> None:
    aws.clock.set_offset(seconds)
    found = doctor(own, "--secret", "/prod/db")
    assert (found.status, found.failed()) == (0, [])
    notes = [line for line in found.lines if "its clock differs from this node's by" in line]
    assert len(notes) == 2
    for line in notes:
        assert abs(int(line.split()[-2]) - seconds) <= 3, line


def test_an_endpoint_that_nobody_listens_at(
    aws: AwsStandIn, doctor: Doctor, own: dict[str, str]
) -> None:
    own["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = "http://127.0.0.1:1"
    found = doctor(own, "--secret", "/prod/db", "--parameter", "/prod/db")
    assert (found.status, found.failed()) == (1, ["Secrets Manager"])
    remedy = found.remedy("Secrets Manager")
    assert "127.0.0.1:1 resolves and is reached" in remedy
    assert remedy.endswith("com.amazonaws.us-east-1.secretsmanager")


def test_an_authority_that_is_not_known(doctor: Doctor, tmp_path: Path) -> None:
    with AwsStandIn(tls=True) as aws, AwsStandIn(tls=True) as other:
        aws.add_principal()
        assert other.ca_file is not None
        assert_well(doctor(aws.environment()))
        found = doctor({**aws.environment(), "AWS_CA_BUNDLE": other.ca_file})
        assert (found.status, len(found.failed())) == (1, 3)
        assert "certificate" in found.line("Secrets Manager")
        assert "CA" in found.remedy("Secrets Manager")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("throttle", "ThrottlingException"),
        ("unavailable", "HTTP status 503"),
        ("half_body", ""),
        ("garbage", ""),
        ("oversized", "an answer over"),
        ("reset_after_headers", ""),
    ],
)
def test_a_service_that_fails_is_told_with_a_remedy(
    aws: AwsStandIn, doctor: Doctor, own: dict[str, str], kind: str, words: str
) -> None:
    aws.fail(kind, operation="GetSecretValue")
    found = doctor(own, "--secret", "/prod/db", "--parameter", "/prod/db")
    assert (found.status, found.failed()) == (1, ["Secrets Manager"])
    assert words in found.line("Secrets Manager")
    assert found.remedy("Secrets Manager")
    aws.clear_faults()
    aws.fail(kind, operation="GetSecretValue", times=1)
    if kind not in ("garbage", "oversized"):
        assert_well(doctor(own, "--secret", "/prod/db", "--parameter", "/prod/db"))


def test_a_service_that_does_not_answer_takes_no_longer_than_its_time(
    aws: AwsStandIn, doctor: Doctor, own: dict[str, str]
) -> None:
    aws.fail("hold", service="secretsmanager")
    found = doctor(own, "--parameter", "/prod/db")
    assert (found.status, found.failed()) == (1, ["Secrets Manager"])
    assert found.mark("Parameter Store") == "ok"


@pytest.mark.parametrize(
    ("arguments", "words"), [(["--secrets", "x"], "--secrets"), (["--region"], "--region")]
)
def test_a_mistake_is_one_line_and_status_2(arguments: list[str], words: str) -> None:
    done = subprocess.run(
        [str(BINARY), "doctor", "aws", *arguments],
        env=program_environment(),
        capture_output=True,
        text=True,
        timeout=30 * SLOWER,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert words in done.stderr
