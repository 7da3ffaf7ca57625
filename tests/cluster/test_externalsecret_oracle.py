# SPDX-License-Identifier: Apache-2.0
"""The real External Secrets Operator answers as the case files say, and Keyturn as it does.

All cases are given at once to ESO, in a namespace each, and when it has stopped to Keyturn, in
other namespaces of the same control plane. Their format, and where Keyturn differs on purpose,
stand in tests/data/externalsecret/README.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.api import Object
from tests.cluster.control_plane import ControlPlane
from tests.cluster.eso import Eso
from tests.cluster.externalsecret_cases import Case, comparable, difference, load_cases
from tests.cluster.externalsecret_oracle import Trial, fill_aws
from tests.cluster.keyturn import Keyturn
from tests.support.aws_standin import AwsStandIn

CASES = load_cases()
ASKED = [case for case in CASES if case.oracle == "eso"]


def named(case: Case) -> str:
    return case.name


@pytest.fixture(scope="module")
def cluster() -> Iterator[ControlPlane]:
    """Its own, for it has ESO's CRDs and not those of Keyturn's chart."""
    with ControlPlane(nodes=0) as cluster:
        Eso(cluster).install()
        yield cluster


@pytest.fixture(scope="module")
def filled_aws(aws: AwsStandIn) -> AwsStandIn:
    fill_aws(aws, CASES)
    return aws


@pytest.fixture(scope="module")
def eso_outcomes(cluster: ControlPlane, filled_aws: AwsStandIn) -> dict[str, Object]:
    eso = Eso(cluster, filled_aws)
    trial = Trial(cluster, "eso", ASKED)
    try:
        outcomes = trial.run(eso, stores_first=True)
    finally:
        eso.kill()
    trial.clean_up()
    return outcomes


@pytest.fixture(scope="module")
def keyturn_outcomes(cluster: ControlPlane, filled_aws: AwsStandIn) -> dict[str, Object]:
    """Newer cases need CRDs that have their fields: those of the chart, on another API server."""
    outcomes = give_to_keyturn(cluster, filled_aws, ASKED, crds=False)
    with ControlPlane(nodes=0) as another:
        newer = [case for case in CASES if case not in ASKED]
        return {**outcomes, **give_to_keyturn(another, filled_aws, newer, crds=True)}


def give_to_keyturn(
    cluster: ControlPlane, aws: AwsStandIn, cases: list[Case], crds: bool
) -> dict[str, Object]:
    values = {"externalSecrets": {"controller": "keyturn"}, "crds": {"install": crds}}
    keyturn = Keyturn(cluster, values=values, env=aws.environment())
    if crds:
        keyturn.install()
    try:
        outcomes = Trial(cluster, "keyturn", cases).run(keyturn, stores_first=False)
        assert keyturn.stop() == [0]
    except BaseException:
        cluster.keep_logs()
        raise
    finally:
        keyturn.write_logs()
        keyturn.kill()
    return outcomes


@pytest.mark.parametrize("case", ASKED, ids=named)
def test_eso_answers_as_recorded(case: Case, eso_outcomes: dict[str, Object]) -> None:
    assert case.expected is not None, "never recorded"
    outcome = eso_outcomes[case.name]
    assert outcome == case.expected, difference(case.expected, outcome)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_keyturn_answers_as_eso(case: Case, keyturn_outcomes: dict[str, Object]) -> None:
    expected, outcome = comparable(case.keyturn_expected), comparable(keyturn_outcomes[case.name])
    assert outcome == expected, difference(expected, outcome)


def test_every_row_of_the_specification_that_is_supported_has_a_case() -> None:
    rows = {row for case in CASES for row in case.document["covers"].split()}
    assert rows >= set(ROWS)


ROWS = (
    *("1.2", "1.3", "1.4", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "3.1", "3.2", "3.6"),
    *("4.1", "4.2", "4.3", "4.4", "4.5", "4.6", "5.1", "5.2", "5.4"),
    *("6.1", "6.2", "6.3", "6.7"),
)
