# SPDX-License-Identifier: Apache-2.0
"""Another vendor's mutating webhook, which the API server calls after Keyturn.

    with Injector(cluster, namespace, {"pods": add_variable}) as injector:
        ...

A function gets the object of a request and returns the JSON Patch to answer with.
"""

from __future__ import annotations

import base64
import json
import secrets
import ssl
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.cluster import objects
from tests.cluster.api import Object
from tests.cluster.control_plane import ControlPlane

Mutation = Callable[[Object], list[Object]]

GROUPS = {"pods": "", "deployments": "apps"}


class Injector:
    """Called for CREATE and UPDATE of these resources in the one namespace. The API server calls
    configurations in the order of their names, so this one comes after `keyturn`."""

    def __init__(
        self, cluster: ControlPlane, namespace: str, mutations: Mapping[str, Mutation]
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._mutations = mutations
        self.name = f"zz-injector-{namespace}"
        self.calls = 0

    def __enter__(self) -> Injector:
        host = f"injector.{self._namespace}.svc"
        pair = self._cluster.pki.server(f"injector-{secrets.token_hex(4)}", (host,))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pair.certificate, pair.key)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        try:
            self._configure()
            self._cluster.wait_for(self._asked, what="the injector asked")
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
        self._cluster.api.delete("MutatingWebhookConfiguration", self.name)
        self._server.shutdown()
        self._server.server_close()

    def _configure(self) -> None:
        service = {"type": "ExternalName", "externalName": "localhost"}
        self._cluster.api.create(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "injector"},
                "spec": service,
            },
            self._namespace,
        )
        ca = self._cluster.pki.ca.certificate.read_bytes()
        rules = [
            {
                "apiGroups": [GROUPS[resource]],
                "apiVersions": ["v1"],
                "operations": ["CREATE", "UPDATE"],
                "resources": [resource],
            }
            for resource in self._mutations
        ]
        webhook = {
            "name": "injector.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "reinvocationPolicy": "Never",
            "clientConfig": {
                "service": {
                    "name": "injector",
                    "namespace": self._namespace,
                    "port": self._server.server_port,
                    "path": "/inject",
                },
                "caBundle": base64.b64encode(ca).decode(),
            },
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self._namespace}},
            "rules": rules,
        }
        self._cluster.api.create(
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "MutatingWebhookConfiguration",
                "metadata": {"name": self.name},
                "webhooks": [webhook],
            }
        )

    def _asked(self) -> bool:
        probes = {"pods": objects.pod("probe"), "deployments": objects.deployment("probe")}
        for resource in self._mutations:
            self._cluster.api.create(probes[resource], self._namespace, dryRun="All")
        return self.calls > 0

    def _answer(self, review: Object) -> Object:
        request = review.pop("request")
        self.calls += 1
        patch = self._mutations[request["resource"]["resource"]](request["object"])
        response: Object = {"uid": request["uid"], "allowed": True}
        if patch:
            text = json.dumps(patch).encode()
            response |= {"patchType": "JSONPatch", "patch": base64.b64encode(text).decode()}
        return {**review, "response": response}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        injector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = json.dumps(injector._answer(json.loads(self.rfile.read(length)))).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
