# SPDX-License-Identifier: Apache-2.0
"""Writes the real ESO's answers into the case files:

    python -m tests.cluster.externalsecret_record [CASE...]

Cases whose `oracle` is not eso stay as they are. A case that ESO answers otherwise than its file
says is printed: the files are frozen, and a change of them is to be looked at.
"""

from __future__ import annotations

import sys

from tests.cluster.control_plane import ControlPlane
from tests.cluster.eso import Eso
from tests.cluster.externalsecret_cases import load_cases
from tests.cluster.externalsecret_oracle import Trial, fill_aws
from tests.support.aws_standin import AwsStandIn


def main(names: list[str]) -> int:
    cases = [case for case in load_cases(names) if case.oracle == "eso"]
    with ControlPlane(nodes=0) as cluster, AwsStandIn() as aws:
        aws.add_principal()
        fill_aws(aws, cases)
        eso = Eso(cluster, aws)
        eso.install()
        try:
            outcomes = Trial(cluster, "eso", cases).run(eso, stores_first=True)
        except BaseException:
            print(f"logs: {cluster.keep_logs()}", file=sys.stderr)
            raise
        finally:
            eso.kill()
    for case in cases:
        outcome = outcomes[case.name]
        if outcome != case.expected:
            print(f"{'new' if case.expected is None else 'changed'}: {case.name}")
            case.record(outcome)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
