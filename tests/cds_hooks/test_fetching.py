"""Fetching from a clinical system's FHIR server: a real server on this machine, and everything it must not be talked into."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from expert.cds_hooks.clients import HookSettings
from expert.cds_hooks.fetching import FhirFetch, is_safe_address, new_client
from expert.cds_hooks.prefetch import FetchFailed
from expert.cds_hooks.routes import HookService, hooks_application
from expert.cds_hooks.tokens import fetch_key_set
from expert.inference.assessing import Assessor
from tests.cds_hooks.calling import (
    BASE,
    CRAMPS,
    ORDERS,
    PATIENT,
    bundle,
    call,
    cards,
    condition,
    draft,
    order,
    prefetch,
    refusal,
    visit,
)

AUTHORIZATION = {
    "access_token": "opaque-token",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "user/*.read",
    "subject": "x",
}
Reply = tuple[int, Any]


@dataclass
class FhirServer:
    """A FHIR server that answers with what a test put there, and remembers what it was asked."""

    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    base: str = ""


@pytest.fixture
def fhir() -> Iterator[FhirServer]:
    state = FhirServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.removeprefix("/fhir/")
            state.asked.append((path, self.headers.get("authorization")))
            status, content = state.replies.get(path, state.replies.get(path.partition("?")[0], (404, {})))
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            if status in (301, 302):
                self.send_header("location", f"{state.base}/Patient/{PATIENT}")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.base = f"http://127.0.0.1:{server.server_address[1]}/fhir"
    record = prefetch()
    state.replies = {
        f"Patient/{PATIENT}": (200, record["patient"]),
        "Encounter/enc-1": (200, record["encounter"]),
        "Condition": (200, record["conditions"]),
        "MedicationRequest": (200, record["medications"]),
        "Observation": (200, record["observations"]),
    }
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def fetching(fhir: FhirServer, assessor: Assessor, tmp_path: Path) -> Iterator[TestClient]:
    settings = HookSettings(BASE, tmp_path / "feedback.sqlite", open_fhir_servers=(fhir.base,))
    service = HookService(settings, assessor)
    with TestClient(hooks_application(service)) as client:
        yield client
    service.close()


def authorized(fhir: FhirServer, **changes: Any) -> dict[str, Any]:
    return visit(fhirServer=fhir.base, fhirAuthorization=AUTHORIZATION, **changes)


def test_what_was_not_prefetched_is_fetched_and_gives_the_same_card(fhir: FhirServer, fetching: TestClient) -> None:
    assert cards(fetching, authorized(fhir, prefetch=None)) == cards(fetching, visit())
    assert {path.partition("?")[0].partition("/")[0] for path, _ in fhir.asked} == {
        "Patient",
        "Encounter",
        "Condition",
        "MedicationRequest",
        "Observation",
    }
    assert {token for _, token in fhir.asked} == {"Bearer opaque-token"}


def test_what_was_prefetched_is_not_fetched_again(fhir: FhirServer, fetching: TestClient) -> None:
    cards(fetching, authorized(fhir))
    assert fhir.asked == []


def test_without_an_authorization_no_token_is_sent(fhir: FhirServer, fetching: TestClient) -> None:
    cards(fetching, visit(fhirServer=f"{fhir.base}/", prefetch=prefetch() | {"patient": {"resourceType": "OperationOutcome"}}))
    assert fhir.asked == [(f"Patient/{PATIENT}", None)]


def test_further_pages_are_read(fhir: FhirServer, fetching: TestClient) -> None:
    fhir.replies["page-2"] = (200, bundle(condition("c-2", text="Asthma"), following=f"{fhir.base}/page-3"))
    fhir.replies["page-3"] = (200, bundle(CRAMPS))
    first = bundle(condition("c-3", text="Gout"), following="page-2")
    (card,) = cards(fetching, authorized(fhir, prefetch=prefetch(conditions=first)))
    assert "Only a part" not in card["detail"]
    assert [path for path, _ in fhir.asked] == ["page-2", "page-3"]


@pytest.mark.parametrize("following", ["https://evil.example/fhir/page", "http://127.0.0.1:1/fhir/page", "/etc/passwd", "../x"])
def test_a_page_that_lies_elsewhere_is_not_fetched(fhir: FhirServer, fetching: TestClient, following: str) -> None:
    (card,) = cards(fetching, authorized(fhir, prefetch=prefetch(conditions=bundle(CRAMPS, following=following))))
    assert "Only a part of the patient's conditions was sent" in card["detail"]
    assert fhir.asked == []


def test_pages_without_end_are_not_read_without_end(fhir: FhirServer, fetching: TestClient) -> None:
    fhir.replies["again"] = (200, bundle(following=f"{fhir.base}/again"))
    first = bundle(CRAMPS, following=f"{fhir.base}/again")
    (card,) = cards(fetching, authorized(fhir, prefetch=prefetch(conditions=first)))
    assert "Only a part" in card["detail"]
    assert 0 < len(fhir.asked) <= 20


def test_a_page_about_another_patient_is_refused(fhir: FhirServer, fetching: TestClient) -> None:
    other = {**CRAMPS, "subject": {"reference": "Patient/other"}}
    fhir.replies["page-2"] = (200, bundle(other))
    first = bundle(CRAMPS, following=f"{fhir.base}/page-2")
    assert refusal(call(fetching, authorized(fhir, prefetch=prefetch(conditions=first))), 400)


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ((500, {}), "answered 500"),
        ((401, {}), "answered 401"),
        ((302, {}), "answered 302"),
        ((200, b"<html>"), "not JSON"),
        ((200, b"[" * 100_000), "not JSON"),
        ((200, b" " * (9 * 1024 * 1024)), "longer than"),
        ((200, {"resourceType": "OperationOutcome"}), "OperationOutcome"),
    ],
)
def test_a_server_that_gives_no_data_leads_to_412(fhir: FhirServer, fetching: TestClient, reply: Reply, told: str) -> None:
    fhir.replies["Condition"] = reply
    without = {key: value for key, value in prefetch().items() if key != "conditions"}
    response = call(fetching, authorized(fhir, prefetch=without))
    assert told in refusal(response, 412)
    assert "opaque-token" not in response.text
    assert fhir.base not in response.text


@pytest.mark.parametrize(
    "server",
    [
        "http://127.0.0.1:1/fhir",
        "http://169.254.169.254/latest",
        "https://evil.example/fhir",
        "file:///etc/passwd",
        "{base}.evil.example",
        "{base}/../admin",
        "{base}@evil.example",
        "{base}?x=",
        "{upper}",
    ],
)
def test_only_servers_on_the_list_are_asked(fhir: FhirServer, fetching: TestClient, server: str) -> None:
    address = server.format(base=fhir.base, upper=fhir.base.upper())
    request = visit(fhirServer=address, fhirAuthorization=AUTHORIZATION, prefetch=None)
    assert "not among those" in refusal(call(fetching, request), 412)
    assert fhir.asked == []


def test_the_medication_of_a_draft_is_fetched(fhir: FhirServer, fetching: TestClient) -> None:
    fhir.replies["Medication/med-1"] = (
        200,
        {"resourceType": "Medication", "id": "med-1", "code": {"text": "Furosemide 40 mg"}},
    )
    ordered = draft("d-1", "", medicationReference={"reference": "Medication/med-1"})
    del ordered["medicationCodeableConcept"]
    request = order(ordered, fhirServer=fhir.base, fhirAuthorization=AUTHORIZATION)
    assert len(cards(fetching, request, ORDERS)) == 1
    assert [path for path, _ in fhir.asked] == ["Medication/med-1"]


def test_a_key_set_is_fetched_from_its_address(fhir: FhirServer) -> None:
    fhir.replies = {"jwks": (200, {"keys": []}), "moved": (302, {}), "long": (200, b" " * 300_000)}
    assert json.loads(fetch_key_set(f"{fhir.base}/jwks")) == {"keys": []}
    for path in ("moved", "long", "nowhere"):
        with pytest.raises(OSError, match="JWK set"):
            fetch_key_set(f"{fhir.base}/{path}")
    with pytest.raises(OSError, match="cannot be fetched"):
        fetch_key_set("http://127.0.0.1:1/jwks")


def test_a_server_that_is_too_slow_is_not_waited_for(fhir: FhirServer) -> None:
    with new_client() as http:
        fetch = FhirFetch((fhir.base,), http, longest_wait=0.0)
        with pytest.raises(FetchFailed, match="too long"):
            fetch(fhir.base, None, "Condition?patient=1")


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://ehr.example/fhir", True),
        ("https://ehr.example:8443/fhir", True),
        ("http://127.0.0.1:8080/fhir", True),
        ("http://localhost/fhir", True),
        ("http://ehr.example/fhir", False),
        ("ftp://ehr.example/fhir", False),
        ("https://user@ehr.example/fhir", False),
        ("https://ehr.example/fhir#part", False),
        ("https://ehr.example:x/fhir", False),
        ("https:///fhir", False),
        ("http://[::1/fhir", False),
    ],
)
def test_addresses_that_may_stand_on_a_list(address: str, safe: bool) -> None:
    assert is_safe_address(address) is safe
