"""A thousand malformed requests, and whatever schemathesis makes of the OpenAPI description: no 500, and nothing told."""

import random
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import given as examples
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from expert.consultation.moments import Consultation
from expert.web.openapi import description
from expert.web.settings import Settings
from tests.web.browsing import Browser, application, signed_in

MANY = 1_000
SECRETS = ("Traceback", "/expert/", "sqlite", "site-packages", ".py:")
JUNK = [
    "",
    "\x00",
    "\ud800",
    "%00",
    "%ff%fe",
    "../../../../etc/passwd",
    "'; DROP TABLE session; --",
    "{{7*7}}",
    "<script>",
    "\u202e",
    "9" * 4_000,
    "-1",
    "1e999",
    "NaN",
    "yes\nno",
    "[" * 2_000,
    "=",
    "é" * 500,
]


def junk(made: random.Random) -> str:
    if made.random() < 0.5:
        return made.choice(JUNK)
    return "".join(made.choices(string.printable + "äß→\u2028", k=made.randrange(1, 60)))


def a_request(made: random.Random, browser: Browser, here: str) -> tuple[str, str, dict[str, Any]]:
    """Make a request that no browser would send, of a kind that some parser on its way has to look at."""
    path = made.choice(
        [
            *("/", "/sign-in", "/consultations", here, f"{here}/undo", f"{here}/answers", f"{here}/report", "/case-files"),
            *("/handbook?", "/static/", "/enter/", "/openapi.json", "/cds-services", "/consultations/"),
        ]
    )
    if made.random() < 0.3:
        path += (
            junk(made).encode("utf-8", "surrogatepass").hex()
            if made.random() < 0.3
            else "/" + made.choice(["..", "%2e", "%00", "//", "a" * 3_000])
        )
    method = made.choice(["GET", "POST", "POST", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "BREW"])
    token = browser.token if made.random() < 0.8 else junk(made)
    asks = ["why:", "why_page", "how", "why_not", "what_if", "how:urgency", junk(made)]
    names = ["after", "ask", "about", "supposed", "value", "rest", "screen", "finding", "current", "current_list", "stopped"]
    names += [
        "stopped_list",
        "answer.fever",
        "answer.age",
        "unknown.age",
        "place",
        "content",
        "text",
        "file_name",
        "next",
        "key",
    ]
    fields = {name: junk(made) for name in made.sample(names, made.randrange(0, 8))} | {"csrf": token}
    if made.random() < 0.4:
        fields["ask"] = made.choice(asks)
    if made.random() < 0.4:
        fields["after"] = "0"
    kind = made.randrange(6)
    more: dict[str, Any] = {"headers": {}}
    clean = {name: value.encode("utf-8", "replace").decode() for name, value in fields.items()}
    if kind <= 2:
        more["data"] = clean
    elif kind == 3:
        more["data"] = clean
        more["files"] = {made.choice(["file", "other"]): (clean["csrf"][:20] or "x", junk(made).encode("utf-8", "replace"))}
    elif kind == 4:
        more["content"] = junk(made).encode("utf-8", "surrogatepass")
        more["headers"]["content-type"] = made.choice(
            [
                *("multipart/form-data", "multipart/form-data; boundary=x", "multipart/form-data; boundary=" + "x" * 300),
                *("application/x-www-form-urlencoded; charset=nothing", "application/json", "text/plain", ""),
            ]
        )
    else:
        more["headers"][made.choice(["cookie", "range", "accept", "hx-request", "x-forwarded-for", "if-none-match"])] = (
            junk(made).encode("latin-1", "replace").replace(b"\n", b" ").replace(b"\r", b" ").replace(b"\x00", b" ")
        )
    return method, path, more


def test_a_thousand_malformed_requests_are_refused_in_words(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    made = random.Random(7)
    here = browser.begin("Erika Mustermann")
    counted: dict[int, int] = {}
    for number in range(MANY):
        if number % 50 == 0:
            browser.open(here)
        method, path, more = a_request(made, browser, here)
        try:
            response = browser.client.request(method, path, follow_redirects=False, **more)
        except (httpx.InvalidURL, httpx.LocalProtocolError):
            # What the client itself will not send is no request.
            continue
        counted[response.status_code] = counted.get(response.status_code, 0) + 1
        assert response.status_code < 500, (method, path, more, response.text[:500])
        if response.status_code >= 400:
            # A page that comes back to its clinician names the patient; any other refusal does not.
            assert response.status_code in (409, 422) or "Mustermann" not in response.text
            assert not any(secret in response.text for secret in SECRETS), (method, path, more, response.text[:500])
    assert sum(counted.values()) > MANY * 0.95 and len(counted) >= 6, counted
    assert [record for record in caplog.records if not record.name.startswith("httpx")] == []
    # The consultation stands as it stood, or went on: it can still be read.
    assert browser.open(here).status_code == 200


@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@examples(text=st.text(max_size=80), value=st.text(max_size=40))
def test_any_text_in_a_field_is_read_or_refused(asking: Callable[[str, str], int], text: str, value: str) -> None:
    assert asking(text, value) in (200, 422)


@pytest.fixture(scope="module")
def asking(consultation: Consultation, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], int]:
    service = application(consultation, tmp_path_factory.mktemp("asking"))
    browser = signed_in(service)
    here = browser.begin()
    token = browser.token

    def ask(text: str, value: str) -> int:
        clean = text.encode("utf-8", "replace").decode(), value.encode("utf-8", "replace").decode()
        asked = {"csrf": token, "ask": "what_if", "supposed": clean[0], "value": clean[1]}
        assert browser.client.post(here, data=asked).status_code == 200
        lists = {"csrf": token, "text": clean[0] + "\n" + clean[1]}
        return browser.client.post("/case-files", data=lists).status_code

    return ask


def test_schemathesis_finds_nothing_against_the_description(consultation: Consultation, tmp_path: Path) -> None:
    service = application(consultation, tmp_path)
    browser = signed_in(service)
    browser.begin()
    token, cookie = browser.token, dict(browser.client.cookies)
    schema = schemathesis.openapi.from_asgi("/openapi.json", service, headers={"host": "127.0.0.1"})
    seen: set[tuple[str, str]] = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        label = (operation.method.upper(), operation.path)

        @settings(
            max_examples=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
            derandomize=True,
            database=None,
        )
        @examples(case=operation.as_strategy())
        def holds(case: Any) -> None:
            if isinstance(case.body, dict) and case.body.get("csrf", "").isascii():
                case.body["csrf"] = token
            case.headers = {**(case.headers or {}), "host": "127.0.0.1"}
            case.cookies = cookie
            if case.path == "/sign-out":
                case.body = {"csrf": "not this"}
            case.call_and_validate(checks=[not_a_server_error, status_code_conformance, content_type_conformance])
            seen.add(label)  # noqa: B023 - called before the next turn

        holds()
    described = description(Settings(store=tmp_path))["paths"]
    # The description itself was read from the service to begin with, and is not among its operations.
    assert {path for _, path in seen} | {"/openapi.json"} == set(described)


def test_the_description_names_every_route(service: Any) -> None:
    described = description(Settings(store=Path("x")))["paths"]
    assert {route.path for route in service.routes} == set(described)
    for route in service.routes:
        assert route.methods is None or all(method.lower() in described[route.path] for method in route.methods - {"HEAD"})
