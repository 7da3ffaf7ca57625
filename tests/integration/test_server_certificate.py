# SPDX-License-Identifier: Apache-2.0
"""The serving certificate: chosen per connection, replaced while connections use the old one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tests.integration.builds import SLOWER
from tests.integration.probe import REVIEW, Probe
from tests.support.tls_client import half_handshake

StartProbe = Callable[..., Probe]

SWAPS = 30


def test_s36_a_new_certificate_is_for_new_connections(probe: Probe) -> None:
    with probe.connect(verify=True) as old:
        first = old.peer_certificate()
        assert probe.command("swap") == {"swapped": True}
        with probe.connect(verify=True) as new:
            assert new.peer_certificate() != first
            assert new.post_review("/mutate/now", REVIEW).allowed
        assert old.post_review("/mutate/now", REVIEW).allowed


def test_s36_a_swap_in_the_middle_of_a_handshake(probe: Probe) -> None:
    """GnuTLS keeps pointers into the credentials: releasing them now would be a use after free."""
    peers = [half_handshake(probe.port, sent=sent) for sent in (0, 50, None) for _ in range(5)]
    for _ in range(3):
        probe.command("swap")
    for peer in peers:
        peer.close()
    assert probe.healthy().status == 200


def test_p18_no_request_fails_while_certificates_are_replaced(start_probe: StartProbe) -> None:
    probe = start_probe()
    errors: list[str] = []
    certificates: set[bytes] = set()
    kept = [0]
    stop = threading.Event()

    def keep() -> None:
        try:
            with probe.connect(verify=True) as connection:
                while not stop.is_set():
                    assert connection.post_review("/mutate/now", REVIEW).allowed
                    kept[0] += 1
        except Exception as error:  # noqa: BLE001 (every failure counts)
            errors.append(f"kept: {error!r}")

    def dial() -> None:
        try:
            while not stop.is_set():
                with probe.connect(verify=True) as connection:
                    certificates.add(connection.peer_certificate())
                    assert connection.post_review("/mutate/now", REVIEW).allowed
        except Exception as error:  # noqa: BLE001
            errors.append(f"fresh: {error!r}")

    threads = [threading.Thread(target=run) for run in (keep, keep, dial, dial)]
    for thread in threads:
        thread.start()

    def served(swaps: int) -> bool:
        return len(certificates) > swaps and kept[0] > swaps + 1

    for swaps in range(SWAPS):
        deadline = time.monotonic() + 30 * SLOWER
        # Each certificate serves some handshake before the next one comes.
        while not served(swaps) and not errors and time.monotonic() < deadline:
            time.sleep(0.002)
        probe.command("swap")
    stop.set()
    for thread in threads:
        thread.join(30 * SLOWER)
    assert errors == []
    assert len(certificates) >= SWAPS and kept[0] > SWAPS
