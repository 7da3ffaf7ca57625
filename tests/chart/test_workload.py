# SPDX-License-Identifier: Apache-2.0
"""What runs the program, and what surrounds it."""

from __future__ import annotations

import pytest

from tests.chart.conftest import NAMESPACE, Helm, Json, Manifests

# The program's options as the chart gives them by default.
OPTIONS = {
    "listen": "0.0.0.0:8443",
    "metrics-listen": "0.0.0.0:8080",
    "namespace": NAMESPACE,
    "service": "keyturn",
    "service-address": f"keyturn.{NAMESPACE}.svc:443",
    "webhook-configuration": "keyturn",
    "certificate-secret": "keyturn-certificate",
    "installation-key-secret": "keyturn-installation-key",
    "lease": "keyturn",
    "external-secrets-controller": "off",
    "head-start": "1s",
    "io-threads": "2",
    "connection-limit": "2048",
    "admission-budget": "250ms",
    "debounce": "5s",
    "max-wait": "60s",
    "hold-described": "5m",
    "hold-undescribed": "60s",
    "drain-delay": "5s",
    "excluded-namespaces": f"kube-system,kube-node-lease,kube-public,{NAMESPACE}",
}


def container(manifests: Manifests) -> Json:
    (only,) = manifests.one("Deployment")["spec"]["template"]["spec"]["containers"]
    return only


def options(manifests: Manifests) -> dict[str, str]:
    command, *arguments = container(manifests)["args"]
    assert command == "serve"
    return dict(argument.removeprefix("--").split("=", 1) for argument in arguments)


def test_options(default: Manifests) -> None:
    assert options(default) == OPTIONS


def test_options_follow_the_values(helm: Helm) -> None:
    changed = {
        "fullnameOverride": "kt",
        "externalSecrets": {"controller": "keyturn", "headStart": "2s"},
        "admission": {"budget": "1s"},
        "hold": {"described": "10m", "undescribed": "2m"},
        "rollout": {"debounce": "1s", "maxWait": "30s"},
        "server": {"ioThreads": 4, "connectionLimit": 512, "drainDelay": "10s"},
        "service": {"port": 8443},
        "webhook": {"excludedNamespaces": ["argocd", "kube-system"]},
    }
    rendered = helm.render(changed)
    (only,) = rendered.one("Deployment", "kt")["spec"]["template"]["spec"]["containers"]
    given = dict(argument.removeprefix("--").split("=", 1) for argument in only["args"][1:])
    assert given == {
        **OPTIONS,
        "service": "kt",
        "service-address": f"kt.{NAMESPACE}.svc:8443",
        "webhook-configuration": "kt",
        "certificate-secret": "kt-certificate",
        "installation-key-secret": "kt-installation-key",
        "lease": "kt",
        "external-secrets-controller": "keyturn",
        "head-start": "2s",
        "admission-budget": "1s",
        "hold-described": "10m",
        "hold-undescribed": "2m",
        "debounce": "1s",
        "max-wait": "30s",
        "io-threads": "4",
        "connection-limit": "512",
        "drain-delay": "10s",
        "excluded-namespaces": f"kube-system,kube-node-lease,kube-public,{NAMESPACE},argocd",
    }


def pod_specs(manifests: Manifests) -> list[Json]:
    templates = [
        manifests.one("Deployment")["spec"]["template"],
        manifests.one("Job", "keyturn-release")["spec"]["template"],
    ]
    return [template["spec"] for template in templates]


def test_pods_are_hardened(default: Manifests) -> None:
    for spec in pod_specs(default):
        assert spec["serviceAccountName"] == "keyturn"
        assert spec["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert not {"hostNetwork", "hostPID", "hostIPC", "volumes"} & set(spec)
        for only in spec["containers"]:
            assert only["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "memory" in only["resources"]["limits"]
            assert "cpu" not in only["resources"]["limits"]


def test_token_is_mounted_by_keyturns_own_pods_only(default: Manifests) -> None:
    assert default.one("ServiceAccount")["automountServiceAccountToken"] is False
    for spec in pod_specs(default):
        assert spec["automountServiceAccountToken"] is True


def test_replaced_without_a_gap(default: Manifests) -> None:
    deployment = default.one("Deployment")["spec"]
    assert deployment["replicas"] == 2
    assert deployment["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
    }
    spec = deployment["template"]["spec"]
    assert spec["terminationGracePeriodSeconds"] == 40
    keys = [constraint["topologyKey"] for constraint in spec["topologySpreadConstraints"]]
    assert keys == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    budget = default.one("PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert budget["selector"] == deployment["selector"]


def test_aws_names_are_looked_up_first_without_the_search_list(default: Manifests) -> None:
    spec = default.one("Deployment")["spec"]["template"]["spec"]
    assert spec["dnsConfig"] == {"options": [{"name": "ndots", "value": "1"}]}


def test_probes(default: Manifests) -> None:
    for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        expected = {"path": path, "port": "https", "scheme": "HTTPS"}
        assert container(default)[probe]["httpGet"] == expected
    ports = {port["name"]: port["containerPort"] for port in container(default)["ports"]}
    assert ports == {"https": 8443, "metrics": 8080}


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({}, "keyturn:0.1.0"),
        ({"repository": "registry.example/kt", "tag": "1"}, "registry.example/kt:1"),
        ({"tag": "1", "digest": "sha256:" + "a" * 64}, "keyturn@sha256:" + "a" * 64),
    ],
)
def test_image(helm: Helm, image: Json, expected: str) -> None:
    manifests = helm.render({"image": image})
    assert {only["image"] for spec in pod_specs(manifests) for only in spec["containers"]} == {
        expected
    }


def test_aws_credentials(helm: Helm) -> None:
    role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/keyturn"}
    environment = [{"name": "AWS_REGION", "value": "eu-central-1"}]
    sources = [{"secretRef": {"name": "keyturn-aws"}}]
    manifests = helm.render(
        {"env": environment, "envFrom": sources, "serviceAccount": {"annotations": role}}
    )
    assert container(manifests)["env"] == environment
    assert container(manifests)["envFrom"] == sources
    assert manifests.one("ServiceAccount")["metadata"]["annotations"] == role


def test_service_selects_the_pods_that_serve(default: Manifests) -> None:
    service = default.one("Service")["spec"]
    assert service["type"] == "ClusterIP"
    (port,) = service["ports"]
    assert (port["port"], port["targetPort"]) == (443, "https")
    labels = default.one("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()
    hook = default.one("Job", "keyturn-release")["spec"]["template"]["metadata"]["labels"]
    assert not service["selector"].items() <= hook.items()


def test_program_outside_the_cluster(helm: Helm) -> None:
    manifests = helm.render({"service": {"externalName": "localhost", "port": 25443}})
    service = manifests.one("Service")["spec"]
    assert service["type"] == "ExternalName"
    assert service["externalName"] == "localhost"
    assert [port["port"] for port in service["ports"]] == [25443]
    assert "selector" not in service
    for kind in ("Deployment", "PodDisruptionBudget", "NetworkPolicy", "Job"):
        assert manifests.kind(kind) == []
    manifests.one("ServiceAccount")
    manifests.one("ClusterRole")


def test_metrics_service(helm: Helm, default: Manifests) -> None:
    assert [item["metadata"]["name"] for item in default.kind("Service")] == ["keyturn"]
    manifests = helm.render({"metrics": {"service": {"enabled": True}}})
    service = manifests.one("Service", "keyturn-metrics")["spec"]
    assert service["clusterIP"] == "None"
    assert [port["port"] for port in service["ports"]] == [8080]


def test_network_policy(default: Manifests) -> None:
    policy = default.one("NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    for kind, name in (("Deployment", "keyturn"), ("Job", "keyturn-release")):
        labels = default.one(kind, name)["spec"]["template"]["metadata"]["labels"]
        assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    anyone, scrapers = policy["ingress"]
    assert anyone == {"ports": [{"port": 8443, "protocol": "TCP"}]}
    monitoring = {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}
    assert scrapers == {
        "from": [{"namespaceSelector": monitoring}],
        "ports": [{"port": 8080, "protocol": "TCP"}],
    }
    dns, out, credentials, itself = policy["egress"]
    assert {(port["port"], port["protocol"]) for port in dns["ports"]} == {
        (53, "UDP"),
        (53, "TCP"),
    }
    assert [port["port"] for port in out["ports"]] == [443, 6443]
    assert [port["port"] for port in credentials["ports"]] == [80]
    assert addresses(credentials) == ["169.254.170.23/32", "169.254.170.2/32", "fd00:ec2::23/128"]
    selector = default.one("Deployment")["spec"]["selector"]
    assert itself["to"] == [{"podSelector": selector}]
    # Rules see the port of the Pod, not that of the Service.
    assert [port["port"] for port in itself["ports"]] == [8443]


def addresses(rule: Json) -> list[str]:
    return [peer["ipBlock"]["cidr"] for peer in rule["to"]]


def test_the_nodes_own_credentials_are_reached_only_where_they_are_allowed(helm: Helm) -> None:
    manifests = helm.render({"aws": {"allowImds": True}})
    credentials = manifests.one("NetworkPolicy")["spec"]["egress"][2]
    assert addresses(credentials)[3:] == ["169.254.169.254/32", "fd00:ec2::254/128"]
    (container,) = manifests.one("Deployment")["spec"]["template"]["spec"]["containers"]
    assert "--aws-allow-imds" in container["args"]


def test_aws_values_reach_the_program(helm: Helm) -> None:
    queue = "https://sqs.eu-central-1.amazonaws.com/123456789012/changes"
    manifests = helm.render({"aws": {"region": "eu-central-1", "rotationQueue": queue}})
    (container,) = manifests.one("Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "AWS_REGION", "value": "eu-central-1"}]
    assert f"--aws-rotation-queue={queue}" in container["args"]
    assert "--aws-allow-imds" not in container["args"]


def test_release_hook(default: Manifests) -> None:
    job = default.one("Job", "keyturn-release")
    annotations = job["metadata"]["annotations"]
    assert annotations["helm.sh/hook"] == "pre-delete"
    # After the role that lets it delete the configuration.
    weights = [
        int(default.one(kind, "keyturn-release")["metadata"]["annotations"]["helm.sh/hook-weight"])
        for kind in ("ClusterRole", "ClusterRoleBinding", "Job")
    ]
    assert weights == sorted(set(weights))
    (only,) = job["spec"]["template"]["spec"]["containers"]
    assert only["args"] == ["release", "--all"]
    assert only["env"] == [
        {"name": "KEYTURN_NAMESPACE", "value": NAMESPACE},
        {"name": "KEYTURN_WEBHOOK_CONFIGURATION", "value": "keyturn"},
    ]


@pytest.mark.parametrize(
    ("values", "absent"),
    [
        ({"releaseHook": {"enabled": False}}, "keyturn-release"),
        ({"networkPolicy": {"enabled": False}}, "NetworkPolicy/"),
        ({"podDisruptionBudget": {"enabled": False}}, "PodDisruptionBudget/"),
    ],
)
def test_parts_can_be_left_out(
    helm: Helm, default: Manifests, values: Json, absent: str
) -> None:
    assert any(absent in name for name in default.names())
    assert not any(absent in name for name in helm.render(values).names())


def test_selectors_never_change_with_the_version(default: Manifests) -> None:
    """A Deployment's selector is immutable: an upgrade would fail."""
    selector = default.one("Deployment")["spec"]["selector"]["matchLabels"]
    assert selector == {
        "app.kubernetes.io/name": "keyturn",
        "app.kubernetes.io/instance": "keyturn",
        "app.kubernetes.io/component": "webhook",
    }


def test_rendering_is_repeatable(helm: Helm) -> None:
    """Argo CD renders again and again: whatever were random would be a difference each time."""
    first, second = helm.template(), helm.template()
    assert first.stdout == second.stdout != ""
