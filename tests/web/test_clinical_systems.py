"""CDS Hooks beside the pages: who may call, what stands in the trail, and what the guard around both does."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from expert.consultation.moments import Consultation
from expert.inference.assessing import Assessor
from expert.web.access.audit import entries
from expert.web.application import create_application
from expert.web.pages import case_files as case_pages
from expert.web.settings import Settings, unsafe
from facts.problems import CharleyError
from knowledge_base.model import KnowledgeBase
from tests.cds_hooks.calling import VISIT, visit
from tests.small_knowledge import load, yes_no
from tests.web.browsing import close


@pytest.fixture(scope="module")
def consultation(knowledge: KnowledgeBase) -> Consultation:
    return Consultation(Assessor(knowledge))


@pytest.fixture
def application(consultation: Consultation, tmp_path: Path) -> Iterator[Any]:
    application = create_application(Settings(store=tmp_path / "store.sqlite"), consultation)
    yield application
    application.state.hooks.close()
    close(application)


def client_of(application: Any, **settings: Any) -> TestClient:
    return TestClient(application, base_url="http://127.0.0.1:8420", **settings)


def test_a_program_of_this_machine_calls_and_reads_the_report_and_all_of_it_stands_in_the_trail(application: Any) -> None:
    client = client_of(application)
    services = client.get("/cds-services").json()["services"]
    assert {service["hook"] for service in services} >= {"patient-view", "order-select", "order-sign", "encounter-start"}
    answer = client.post(f"/cds-services/{VISIT}", json=visit())
    assert answer.status_code == 200
    card = answer.json()["cards"][0]
    address = card["links"][0]["url"]
    assert address.startswith("http://127.0.0.1:8420/cds-reports/")
    report = client.get(address)
    assert report.status_code == 200 and "<h1>" in report.text and "script-src" not in report.headers["content-security-policy"]
    told = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-03-01T10:00:00Z"}
    assert client.post(f"/cds-services/{VISIT}/feedback", json={"feedback": [told]}).status_code == 200
    done = [entry.did for entry in entries(application.state.service.store)]
    assert done == ["called a CDS Hooks service", "read the report of a card", "told what was done with cards"]
    assert all(address.rpartition("/")[2] not in entry.detail for entry in entries(application.state.service.store))


def test_a_refusal_is_an_outcome_and_never_an_empty_list_of_cards(application: Any) -> None:
    client = client_of(application)
    for path, body, status in (("/cds-services/none", {}, 404), (f"/cds-services/{VISIT}", {}, 400)):
        answer = client.post(path, json=body)
        assert answer.status_code == status and answer.json()["resourceType"] == "OperationOutcome"
    stranger = TestClient(application, base_url="http://elsewhere.example").get("/cds-services")
    assert stranger.status_code == 421 and stranger.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    "settings", [{"address": "10.0.0.5"}, {"trusted_header": "X-User", "trusted_proxies": ("testclient",)}]
)
def test_from_elsewhere_nobody_calls_without_a_file_of_clients(
    settings: dict[str, Any], consultation: Consultation, tmp_path: Path
) -> None:
    application = create_application(
        Settings(store=tmp_path / "store.sqlite", host_names=("clinic",), **settings), consultation
    )
    client = TestClient(application, base_url="http://clinic", headers={"X-User": "somebody"})
    assert client.get("/cds-services").status_code == 401
    assert client.post(f"/cds-services/{VISIT}", json=visit()).status_code == 401
    application.state.hooks.close()
    application.state.service.close()


def test_a_file_of_clients_that_is_wrong_is_told_with_its_place(consultation: Consultation, tmp_path: Path) -> None:
    (tmp_path / "clients.yaml").write_text("clients:\n  - issuer: https://ehr.example.org\n", encoding="utf-8")
    with pytest.raises(CharleyError, match=r"clients\.yaml:2"):
        create_application(Settings(store=tmp_path / "s.sqlite", clients=tmp_path / "clients.yaml"), consultation)
    # What does not start holds no file.
    held = [file.readlink() for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
    assert not [file for file in held if file.is_relative_to(tmp_path)]


def test_a_knowledge_base_without_services_has_pages_alone(tmp_path: Path) -> None:
    (tmp_path / "knowledge").mkdir()
    foreign = load(tmp_path / "knowledge", {"a": yes_no("a")}, causes={"illness": {"supports": {"plain": ("a", "weak")}}})
    application = create_application(Settings(store=tmp_path / "s.sqlite"), Consultation(Assessor(foreign)))
    client = client_of(application)
    assert client.get("/cds-services").status_code == 404
    assert "/cds-services" not in json.dumps(client.get("/openapi.json").json())
    application.state.service.close()


def test_the_address_that_clients_call_is_the_public_one() -> None:
    assert Settings(store=Path("s")).base == "http://127.0.0.1:8420"
    assert Settings(store=Path("s"), address="::1").base == "http://[::1]:8420"
    assert Settings(store=Path("s"), public_address="https://clinic.example/").base == "https://clinic.example"
    assert any("--public-address" in reason for reason in unsafe(Settings(store=Path("s"), public_address="clinic")))


def test_a_record_in_fhir_is_read_where_case_files_are_dropped(consultation: Consultation) -> None:
    content = (Path(__file__).parents[1] / "records" / "bundle.json").read_bytes()
    assessed, problems, count = case_pages.assessed_file(consultation.assessor, "bundle.json", content)
    assert count == len(assessed) == 1 and not problems
    assert assessed[0].record is not None
