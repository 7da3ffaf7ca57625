#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Vectors for the hash over the Secret keys a Pod uses, written from its definition alone.

The definition is the comment at the top of lib/world/fingerprint.h. The vectors are frozen: a
change of any hash means that every cluster sees all its markers as unknown, so the scope changes
with it.

    make_fingerprint.py            writes fingerprint.json
    make_fingerprint.py --check    fails when fingerprint.json says anything else
"""

import base64
import hashlib
import hmac
import json
import pathlib
import struct
import sys

INSTALLATION_KEY = bytes(range(32))
SCOPE = b"scope v1: env,envFrom,subPath; walker 1"
OUTPUT = pathlib.Path(__file__).with_name("fingerprint.json")


def mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def prefixed(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


def head(tag: bytes, namespace: str, name: str, key: str, present: bool) -> bytes:
    parts = [prefixed(part.encode()) for part in (namespace, name, key)]
    return tag + b"".join(parts) + bytes([present])


class Keys:
    def __init__(self, installation_key: bytes):
        self.digest = mac(installation_key, b"keyturn v1 digest")
        self.record = mac(installation_key, b"keyturn v1 record")
        self.id = mac(self.record, SCOPE)[:3].hex()


def key_record(keys: Keys, namespace: str, name: str, key: str, value: bytes | None) -> bytes:
    record = head(b"k", namespace, name, key, value is not None)
    return record if value is None else record + mac(keys.digest, value)


def whole_record(keys: Keys, namespace: str, name: str, data: dict[str, bytes] | None) -> bytes:
    record = head(b"w", namespace, name, "", data is not None)
    if data is None:
        return record
    inner = [key_record(keys, namespace, name, key, data[key])
             for key in sorted(data, key=str.encode)]
    return record + struct.pack(">I", len(data)) + b"".join(inner)


def compute(keys: Keys, namespace: str, refs: list[dict], secrets: dict) -> dict:
    """`secrets` maps a name to {key: bytes}, to None (absent) or to "unknown"."""
    states = []
    for ref in refs:
        data = secrets[ref["secret"]]
        if data == "unknown":
            states.append("unknown")
        elif data is None or (ref["key"] is not None and ref["key"] not in data):
            states.append("absent")
        else:
            states.append("present")
    if not any(ref["rolls"] for ref in refs):
        return {"result": "nothing"}
    pairs = list(zip(refs, states))
    if any(ref["required"] and state == "absent" for ref, state in pairs):
        return {"result": "missing"}
    if any((ref["required"] or ref["rolls"]) and state == "unknown" for ref, state in pairs):
        return {"result": "unknown"}
    records = set()
    for ref in refs:
        if ref["rolls"]:
            data = secrets[ref["secret"]]
            if ref["key"] is None:
                records.add(whole_record(keys, namespace, ref["secret"], data))
            else:
                value = None if data is None else data.get(ref["key"])
                records.add(key_record(keys, namespace, ref["secret"], ref["key"], value))
    text = b"".join(sorted(records))
    return {
        "result": "ok",
        "hash": f"v1-{keys.id}-{mac(keys.record, text)[:16].hex()}",
    }


def ref(secret: str, key: str | None = None, *, optional=False, rolls=True, required=None) -> dict:
    return {
        "secret": secret,
        "key": key,
        "optional": optional,
        "required": not optional if required is None else required,
        "rolls": rolls,
    }


CASES = [
    ("one key", "shop", [ref("db", "user")], {"db": {"user": b"planted-1", "pass": b"planted-2"}}),
    ("one key, another value", "shop", [ref("db", "user")], {"db": {"user": b"planted-3"}}),
    ("one key, an unused key differs", "shop", [ref("db", "user")],
     {"db": {"user": b"planted-1", "pass": b"planted-9"}}),
    ("one key, another namespace", "shop2", [ref("db", "user")], {"db": {"user": b"planted-1"}}),
    ("one key, another name", "shop", [ref("db2", "user")], {"db2": {"user": b"planted-1"}}),
    ("two keys", "shop", [ref("db", "user"), ref("db", "pass")],
     {"db": {"user": b"planted-1", "pass": b"planted-2"}}),
    ("two keys, other order, one twice", "shop",
     [ref("db", "pass"), ref("db", "user"), ref("db", "pass")],
     {"db": {"user": b"planted-1", "pass": b"planted-2"}}),
    ("names of several lengths", "shop",
     [ref("zz", "k"), ref("aaa", "k"), ref("b", "long-key"), ref("b", "z"), ref("aaa")],
     {"zz": {"k": b"1"}, "aaa": {"k": b"2", "a": b"3"}, "b": {"long-key": b"4", "z": b"5"}}),
    ("whole", "shop", [ref("db")], {"db": {"user": b"planted-1", "pass": b"planted-2"}}),
    ("whole and one key of it", "shop", [ref("db"), ref("db", "user")],
     {"db": {"user": b"planted-1", "pass": b"planted-2"}}),
    ("whole, empty", "shop", [ref("db")], {"db": {}}),
    ("whole, optional, absent", "shop", [ref("db", optional=True)], {"db": None}),
    ("whole, keys sorted bytewise not by length", "shop", [ref("db")],
     {"db": {"bb": b"1", "a": b"2", "c": b"3", "B": b"4", "a.b": b"5", "a-b": b"6"}}),
    ("delimiters in a value", "shop", [ref("db")], {"db": {"a": b"1;b=2"}}),
    ("delimiters in data", "shop", [ref("db")], {"db": {"a": b"1", "b": b"2"}}),
    ("optional key present", "shop", [ref("db", "user", optional=True)],
     {"db": {"user": b"planted-1"}}),
    ("optional key absent", "shop", [ref("db", "user", optional=True)], {"db": {}}),
    ("optional key, Secret absent", "shop", [ref("db", "user", optional=True)], {"db": None}),
    ("optional key, empty value", "shop", [ref("db", "user", optional=True)],
     {"db": {"user": b""}}),
    ("binary value with NUL", "shop", [ref("db", "user")],
     {"db": {"user": bytes([0, 255, 10, 13, 0])}}),
    ("what does not roll does not count", "shop",
     [ref("db", "user"), ref("files", rolls=False)],
     {"db": {"user": b"planted-1"}, "files": {"x": b"planted-7"}}),
    ("nothing rolls", "shop", [ref("files", rolls=False)], {"files": {"x": b"planted-7"}}),
    ("nothing rolls, required is absent", "shop", [ref("files", rolls=False)], {"files": None}),
    ("no references", "shop", [], {}),
    ("required Secret absent", "shop", [ref("db", "user")], {"db": None}),
    ("required key absent", "shop", [ref("db", "user")], {"db": {"pass": b"planted-2"}}),
    ("required that does not roll is absent", "shop",
     [ref("db", "user"), ref("files", rolls=False)],
     {"db": {"user": b"planted-1"}, "files": None}),
    ("required that does not roll is unknown", "shop",
     [ref("db", "user"), ref("files", rolls=False)],
     {"db": {"user": b"planted-1"}, "files": "unknown"}),
    ("absent goes before unknown", "shop", [ref("a"), ref("b")], {"a": "unknown", "b": None}),
    ("required unknown", "shop", [ref("a"), ref("b")], {"a": "unknown", "b": {}}),
    ("optional unknown", "shop", [ref("a", optional=True), ref("b")], {"a": "unknown", "b": {}}),
    ("optional that does not roll is unknown", "shop",
     [ref("a", optional=True, rolls=False), ref("b")], {"a": "unknown", "b": {}}),
    ("pull secret is absent", "shop", [ref("pull", rolls=False, required=False), ref("b")],
     {"pull": None, "b": {}}),
]


def encoded(data):
    if isinstance(data, dict):
        return {key: base64.b64encode(value).decode() for key, value in data.items()}
    return data


def build() -> str:
    keys = Keys(INSTALLATION_KEY)
    cases = []
    for name, namespace, refs, secrets in CASES:
        cases.append({
            "name": name,
            "namespace": namespace,
            "refs": refs,
            "secrets": {key: encoded(data) for key, data in secrets.items()},
            "expected": compute(keys, namespace, refs, secrets),
        })
    document = {
        "installation_key": INSTALLATION_KEY.hex(),
        "digest_key": keys.digest.hex(),
        "record_key": keys.record.hex(),
        "key_id": keys.id,
        "digest_of_planted_1": mac(keys.digest, b"planted-1").hex(),
        "cases": cases,
    }
    return json.dumps(document, indent=1) + "\n"


def main() -> int:
    text = build()
    if "--check" not in sys.argv[1:]:
        OUTPUT.write_text(text, encoding="utf-8")
        return 0
    if OUTPUT.read_text(encoding="utf-8") == text:
        return 0
    print("fingerprint.json does not hold what make_fingerprint.py computes", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
