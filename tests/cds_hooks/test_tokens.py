"""Who may call: the JSON Web Token of CDS Hooks 2.0, whatever may be wrong with it, and a bare 401 for all of that."""

import hmac
import json
import logging
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha384
from pathlib import Path
from time import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from starlette.testclient import TestClient

from expert.cds_hooks.clients import HookSettings, read_clients
from expert.cds_hooks.feedback import FeedbackStore, Quotas
from expert.cds_hooks.routes import HookService, hooks_application
from expert.cds_hooks.tokens import TokenChecker, TokenRefused, TrustedClient, read_key_set
from expert.inference.assessing import Assessor
from facts.problems import CharleyError
from tests.cds_hooks.calling import BASE, JSON, VISIT, visit

ISSUER, JKU = "https://ehr.example.org", "https://ehr.example.org/jwks.json"
ENDPOINT = f"{BASE}/cds-services/{VISIT}"
EC_KEY = ec.generate_private_key(ec.SECP384R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEYS: dict[str, Any] = {
    "keys": [
        {**ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True), "kid": "ec-1", "use": "sig", "alg": "ES384"},
        {**RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True), "kid": "rsa-1"},
    ]
}

# The example that the specification prints (Trusting CDS Clients), with its public key.
PRINTED = (
    "eyJhbGciOiJFUzM4NCIsInR5cCI6IkpXVCIsImtpZCI6ImV4YW1wbGUta2lkIiwiamt1IjoiaHR0cHM6Ly9maGlyLWVoci5leGFtcGxlLmNvbS9qd2tfdXJpIn0"
    ".eyJpc3MiOiJodHRwczovL2ZoaXItZWhyLmV4YW1wbGUuY29tLyIsImF1ZCI6Imh0dHBzOi8vY2RzLmV4YW1wbGUub3JnL2Nkcy1zZXJ2aWNlcy9zb21lLXNlcn"
    "ZpY2UiLCJleHAiOjE0MjI1Njg4NjAsImlhdCI6MTMxMTI4MDk3MCwianRpIjoiZWUyMmIwMjEtZTFiNy00NjExLWJhNWItOGVlYzZhMzNhYzFlIiwidGVuYW50I"
    "joiMmRkZDZjM2EtOGU5YS00NGM2LWEzMDUtNTIxMTFhZDMwMmEyIn0.d1WfLjGRKlcWB94l9do4cM8REXeYJLL6SGUBO8VHZhfM8mwKYP70EMxJ67War4TQblE"
    "paQrp11wx5p7oPFm2ETYgCicS84vXWEIYTdjooZdooCSDf2L8-i4awdoUwiEb"
)
PRINTED_KEYS = {
    "keys": [
        {
            "kty": "EC",
            "use": "sig",
            "crv": "P-384",
            "kid": "example-kid",
            "x": "46SDH7Znh821wblCBglA61sNE9ZrHYKKt3qRtRTmSXyOI_FIGBLWrWa0GPUkDCEk",
            "y": "XMcRuuoGW7CXjQdy-F5i3FeBE0x9hPLdeFdSoDd3ELmx404tLX0VRRcqzAsPhXcI",
            "alg": "ES384",
        }
    ]
}
PRINTED_EXPIRES = 1422568860

_numbers = iter(range(1_000_000))


def anew(issuer: str, identifier: str, until: float, now: float) -> bool:
    """Say of every token that it was not used; every one that is made here is another."""
    return True


def token(
    *, key: Any = EC_KEY, algorithm: str = "ES384", header: dict[str, Any] | None = None, without: str = "", **claims: Any
) -> str:
    now = int(time())
    body = {"iss": ISSUER, "aud": ENDPOINT, "exp": now + 300, "iat": now, "jti": f"jti-{next(_numbers)}", **claims}
    body.pop(without, None)
    return jwt.encode(body, key, algorithm=algorithm, headers={"kid": "ec-1", **(header or {})})


@pytest.fixture
def guarded(assessor: Assessor, tmp_path: Path) -> Iterator[TestClient]:
    trusted = TrustedClient(ISSUER, jku=JKU, tenants=("clinic-1",))
    settings = HookSettings(BASE, tmp_path / "feedback.sqlite", clients=(trusted,))
    service = HookService(settings, assessor, fetch_keys=lambda _: json.dumps(KEYS).encode())
    with TestClient(hooks_application(service)) as client:
        yield client
    service.close()


def status(client: TestClient, bearer: str | None) -> int:
    headers = {**JSON, **({"authorization": bearer.encode("latin-1")} if bearer is not None else {})}
    response = client.post(f"/cds-services/{VISIT}", content=json.dumps(visit()), headers=headers)
    if response.status_code == 401:
        assert response.content == b"", "a refused token is told no reason"
    return response.status_code


def test_a_token_of_a_trusted_client_is_accepted(guarded: TestClient) -> None:
    assert status(guarded, f"Bearer {token(tenant='clinic-1')}") == 200
    assert status(guarded, f"bearer {token(tenant='clinic-1', header={'jku': JKU})}") == 200
    assert status(guarded, f"Bearer {token(tenant='clinic-1', aud=[ENDPOINT, 'https://other.example'])}") == 200
    rsa_signed = token(tenant="clinic-1", key=RSA_KEY, algorithm="RS384", header={"kid": "rsa-1"})
    assert status(guarded, f"Bearer {rsa_signed}") == 200


def test_where_a_tokens_key_could_be_fetched_does_not_matter_where_the_keys_are_in_a_file() -> None:
    def fetched(address: str) -> bytes:
        raise AssertionError(f"{address} was asked for")

    checker = TokenChecker((TrustedClient(ISSUER, keys=KEYS),), fetched, anew)
    for header in ({}, {"jku": JKU}, {"jku": "https://evil.example/jwks.json"}):
        assert checker.check(f"Bearer {token(header=header)}", ENDPOINT).issuer == ISSUER
    with pytest.raises(TokenRefused):
        checker.check(f"Bearer {token(key=ec.generate_private_key(ec.SECP384R1()), header={'jku': JKU})}", ENDPOINT)


def wrong_tokens() -> dict[str, Callable[[], str | None]]:
    now = int(time())
    other_ec, other_rsa = (
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    )

    def made(**more: Any) -> str:
        return f"Bearer {token(**{'tenant': 'clinic-1', **more})}"

    def unsigned() -> str:
        head, body, _ = token(tenant="clinic-1").split(".")
        none = jwt.encode({}, "", algorithm="none", headers={"kid": "ec-1"}).split(".")[0]
        assert head != none
        return f"Bearer {none}.{body}."

    def confused() -> str:
        head, body, _ = token(tenant="clinic-1", key="k" * 64, algorithm="HS384").split(".")
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        known = EC_KEY.public_key().public_bytes(serialization.Encoding.PEM, form)
        signature = hmac.new(known, f"{head}.{body}".encode(), sha384).digest()
        return f"Bearer {head}.{body}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    return {
        "no header": lambda: None,
        "an empty header": lambda: "",
        "no token": lambda: "Bearer ",
        "another scheme": lambda: made().replace("Bearer", "Basic"),
        "no JWT": lambda: "Bearer abc",
        "three parts of nothing": lambda: "Bearer ..",
        "too long": lambda: "Bearer " + "a" * 10_000,
        "not ASCII": lambda: "Bearer \u00e4.\u00e4.\u00e4",
        "no signature (none)": unsigned,
        "HMAC": lambda: made(key="k" * 64, algorithm="HS384"),
        "HMAC with the public key, which everybody knows": confused,
        "ES256": lambda: made(key=ec.generate_private_key(ec.SECP256R1()), algorithm="ES256"),
        "RS256": lambda: made(key=RSA_KEY, algorithm="RS256", header={"kid": "rsa-1"}),
        "an RSA signature under the name of the EC key": lambda: made(key=RSA_KEY, algorithm="RS384"),
        "somebody else's EC key": lambda: made(key=other_ec),
        "somebody else's RSA key": lambda: made(key=other_rsa, algorithm="RS384", header={"kid": "rsa-1"}),
        "an unknown key": lambda: made(header={"kid": "ec-2"}),
        "no kid": lambda: made(header={"kid": ""}),
        "another typ": lambda: made(header={"typ": "at+jwt"}),
        "a jku that is not on the list": lambda: made(header={"jku": "https://evil.example/jwks.json"}),
        "another issuer": lambda: made(iss="https://evil.example"),
        "another audience": lambda: made(aud=f"{BASE}/cds-services"),
        "another service's audience": lambda: made(aud=f"{ENDPOINT}-and-orders"),
        "expired": lambda: made(exp=now - 120),
        "valid for more than an hour": lambda: made(exp=now + 7200),
        "issued in the future": lambda: made(iat=now + 600),
        "not yet valid": lambda: made(nbf=now + 600),
        "another tenant": lambda: made(tenant="clinic-2"),
        "no tenant": lambda: f"Bearer {token()}",
        "an empty jti": lambda: made(jti=""),
        **{f"no {name}": (lambda name=name: made(without=name)) for name in ("iss", "aud", "exp", "iat", "jti")},
    }


@pytest.mark.parametrize("what", sorted(wrong_tokens()))
def test_a_token_that_is_wrong_is_a_bare_401(guarded: TestClient, what: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bearer = wrong_tokens()[what]()
    assert status(guarded, bearer) == 401
    if bearer and len(bearer) > 40:
        assert bearer[7:40] not in caplog.text


def test_a_token_is_accepted_once(guarded: TestClient) -> None:
    bearer = f"Bearer {token(tenant='clinic-1')}"
    assert status(guarded, bearer) == 200
    assert status(guarded, bearer) == 401


def test_a_token_is_accepted_once_by_all_processes_that_share_a_store_and_after_a_restart(tmp_path: Path) -> None:
    now = [time()]
    with closing(FeedbackStore(tmp_path / "feedback.sqlite")) as one, closing(FeedbackStore(one.path)) as other:
        here, there = (
            TokenChecker((TrustedClient(ISSUER, keys=KEYS),), lambda _: b"", store.is_new_token, clock=lambda: now[0])
            for store in (one, other)
        )
        used = f"Bearer {token()}"
        assert here.check(used, ENDPOINT).issuer == ISSUER
        for checker in (here, there):
            with pytest.raises(TokenRefused):
                checker.check(used, ENDPOINT)
        with pytest.raises(TokenRefused):
            here.check(f"Bearer {token(jti=chr(0xD800))}", ENDPOINT)
    with closing(FeedbackStore(tmp_path / "feedback.sqlite", quotas=Quotas(tokens=2))) as later:
        assert not later.is_new_token(
            ISSUER, jwt.decode(used[7:], options={"verify_signature": False})["jti"], now[0] + 9, now[0]
        )
        assert later.is_new_token(ISSUER, "second", now[0] + 9, now[0])
        assert not later.is_new_token(ISSUER, "one too many", now[0] + 9, now[0])
        # What could not be used any more makes room.
        assert later.is_new_token(ISSUER, "second", now[0] + 999, now[0] + 900)


def test_a_token_that_was_refused_is_not_used_up(guarded: TestClient) -> None:
    right, wrong = token(tenant="clinic-1", jti="same"), token(tenant="clinic-2", jti="same")
    assert status(guarded, f"Bearer {wrong}") == 401
    assert status(guarded, f"Bearer {right}") == 200


def test_discovery_and_feedback_need_tokens_for_their_own_addresses(guarded: TestClient) -> None:
    assert guarded.get("/cds-services").status_code == 401
    own = token(tenant="clinic-1", aud=f"{BASE}/cds-services")
    assert guarded.get("/cds-services", headers={"authorization": f"Bearer {own}"}).status_code == 200
    assert guarded.post(f"/cds-services/{VISIT}/feedback", content="{}", headers=JSON).status_code == 401
    own = token(tenant="clinic-1", aud=f"{ENDPOINT}/feedback")
    response = guarded.post(f"/cds-services/{VISIT}/feedback", content="{}", headers={**JSON, "authorization": f"Bearer {own}"})
    assert response.status_code == 400


def test_whoever_has_no_token_learns_nothing_about_services(guarded: TestClient) -> None:
    assert guarded.post("/cds-services/no-such", content="{}", headers=JSON).status_code == 401


def test_the_token_that_the_specification_prints_is_checked_as_it_says() -> None:
    client = TrustedClient("https://fhir-ehr.example.com/", keys=PRINTED_KEYS)
    endpoint = "https://cds.example.org/cds-services/some-service"

    def at(moment: float, **changes: Any) -> TrustedClient:
        trusted = TrustedClient(client.issuer, **{"jku": "https://fhir-ehr.example.com/jwk_uri", **changes})
        checker = TokenChecker((trusted,), lambda _: json.dumps(PRINTED_KEYS).encode(), anew, clock=lambda: moment)
        return checker.check(f"Bearer {PRINTED}", endpoint)

    assert at(PRINTED_EXPIRES - 60).issuer == client.issuer
    for moment in (time(), PRINTED_EXPIRES - 7200.0, PRINTED_EXPIRES + 31.0):
        with pytest.raises(TokenRefused):
            at(moment)
    with pytest.raises(TokenRefused):
        at(PRINTED_EXPIRES - 60, jku="https://fhir-ehr.example.com/another")


def test_keys_are_fetched_again_when_they_change_but_not_without_end() -> None:
    now, fetched = [1_000.0], []
    keys: dict[str, Any] = {"keys": []}

    def fetch(address: str) -> bytes:
        fetched.append(address)
        return json.dumps(keys).encode()

    checker = TokenChecker((TrustedClient(ISSUER, jku=JKU),), fetch, anew, clock=lambda: now[0])

    def accepted() -> bool:
        try:
            checker.check(f"Bearer {token(iat=now[0], exp=now[0] + 60)}", ENDPOINT)
        except TokenRefused:
            return False
        return True

    assert not accepted()
    assert not accepted()
    assert fetched == [JKU]
    keys["keys"] = KEYS["keys"]
    now[0] += 31
    assert accepted()
    assert accepted()
    assert fetched == [JKU, JKU]
    keys["keys"] = []
    now[0] += 301
    assert not accepted(), "a key that was withdrawn is no longer taken"


def test_a_key_set_that_cannot_be_fetched_lets_nobody_in() -> None:
    def broken(_: str) -> bytes:
        raise OSError("no way there")

    checker = TokenChecker((TrustedClient(ISSUER, jku=JKU),), broken, anew)
    with pytest.raises(TokenRefused):
        checker.check(f"Bearer {token()}", ENDPOINT)


def test_short_keys_and_keys_for_other_things_are_not_taken() -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - too short is what it is here for
    short = RSAAlgorithm.to_jwk(weak.public_key(), as_dict=True)
    p256 = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True)
    good = KEYS["keys"][0]
    entries = [
        {**short, "kid": "short"},
        {**p256, "kid": "p256"},
        {**good, "kid": "enc", "use": "enc"},
        {**good, "kid": "es256", "alg": "ES256"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "oct"},
        {**good, "kid": "bad", "x": "!"},
        {**good, "kid": 5},
        "none",
        good,
    ]
    assert list(read_key_set({"keys": entries})) == ["ec-1"]
    with pytest.raises(ValueError, match="no JWK set"):
        read_key_set([])


# The file of clients


def test_the_file_of_clients_is_read(tmp_path: Path) -> None:
    (tmp_path / "ehr.json").write_text(json.dumps(KEYS), encoding="utf-8")
    path = tmp_path / "clients.yaml"
    path.write_text(
        f"clients:\n  - issuer: {ISSUER}\n    keys: ehr.json\n    fhir_servers: [https://ehr.example.org/fhir]\n"
        f"  - {{issuer: https://two.example, jku: {JKU}, tenants: [a]}}\norigins: [https://ehr.example.org]\n",
        encoding="utf-8",
    )
    clients, origins = read_clients(path)
    assert [client.issuer for client in clients] == [ISSUER, "https://two.example"]
    assert origins == ("https://ehr.example.org",)
    checker = TokenChecker(clients, lambda _: b"", anew)
    assert checker.check(f"Bearer {token()}", ENDPOINT).fhir_servers == ("https://ehr.example.org/fhir",)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("clients: [{issuer: a}]", "either a `jku` or a file of `keys`"),
        ("clients: [{issuer: a, jku: 'http://ehr.example/jwks'}]", "not an https address"),
        ("clients: [{issuer: a, jku: 'https://user:word@ehr.example/jwks'}]", "not an https address"),
        ("clients: [{issuer: a, jku: 'https://e.example/j', fhir_servers: ['file:///etc']}]", "fhir_servers: not an https"),
        ("clients: [{issuer: a, keys: nowhere.json}]", "cannot be read as a JWK set"),
        ("clients: [{issuer: a, jku: 'https://e.example/j'}, {issuer: a, jku: 'https://e.example/j'}]", "stands here twice"),
        ("origins: ['*']", "an origin is a scheme and a host"),
        ("origins: ['https://a.example/path']", "an origin is a scheme and a host"),
        ("client: []", "not known"),
    ],
)
def test_mistakes_in_the_file_of_clients_are_told_with_their_place(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "clients.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CharleyError, match=told) as raised:
        read_clients(path)
    assert all(problem.place.line == 1 for problem in raised.value.problems)
