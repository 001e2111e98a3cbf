"""An assessment as a FHIR R4 document: valid by R4's own schema and rules, the same each time, and never read as findings.

Validated three ways, because none sees everything: HL7's JSON Schema of R4 (shapes, patterns and codes, but not that a required
text or code is missing), the models of fhir.resources for R4B (required elements; the resources used here are the same in R4),
and R4's published invariants as FHIRPath (what holds between elements).
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhirpathpy import evaluate
from fhirpathpy.models import models

from expert.inference.assessing import Assessor
from facts.case import Case
from facts.intake.case_files import Refusal
from facts.intake.files import read_files
from facts.language.speaking import language_of, speaking
from facts.problems import Place, Problem
from knowledge_base.model import KnowledgeBase
from knowledge_base.translating import knowledge_catalog, translate
from reports.fhir.collection import collection
from reports.fhir.document import document
from reports.formats import FORMATS
from tests.fhir_samples import RECORDS, observation, one, order, patient, read, visit

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "facts" / "examples").iterdir())
SCHEMA = json.loads((ROOT / "tests" / "fhir_r4" / "fhir.schema.json").read_text(encoding="utf-8"))
INVARIANTS = {
    "Bundle": {
        "bdl-1": "total.empty() or (type = 'searchset') or (type = 'history')",
        "bdl-7": "(type = 'history') or entry.where(fullUrl.exists()).select(fullUrl&resource.meta.versionId).isDistinct()",
        "bdl-9": "type = 'document' implies (identifier.system.exists() and identifier.value.exists())",
        "bdl-10": "type = 'document' implies timestamp.exists()",  # published with hasValue(), which fhirpathpy does not have
        "bdl-11": "type = 'document' implies entry.first().resource.is(Composition)",
    },
    "Composition": {
        "cmp-1": "section.all(text.exists() or entry.exists() or section.exists())",
        "cmp-2": "section.all(emptyReason.empty() or entry.empty())",
    },
    "GuidanceResponse": {"drq-1": "dataRequirement.codeFilter.all(path.exists() xor searchParam.exists())"},
    "ServiceRequest": {"prr-1": "orderDetail.empty() or code.exists()"},
}


def validator(kind: str) -> jsonschema.Draft6Validator:
    return jsonschema.Draft6Validator({"$ref": f"#/definitions/{kind}", "definitions": SCHEMA["definitions"]})


def broken(bundle: dict[str, Any]) -> Iterator[str]:
    """Say what in a document R4 does not allow."""
    resources = [("Bundle", bundle), *((entry["resource"]["resourceType"], entry["resource"]) for entry in bundle["entry"])]
    for kind, resource in resources:
        yield from (f"{kind}: {error.json_path}: {error.message[:200]}" for error in validator(kind).iter_errors(resource))
        for name, rule in INVARIANTS.get(kind, {}).items():
            if evaluate(resource, rule, {}, models["r4"]) != [True]:
                yield f"{kind}: {name}: {rule}"
    try:
        Bundle.model_validate(bundle)
    except ValueError as error:
        yield str(error)
    names = {entry["fullUrl"] for entry in bundle["entry"]}
    yield from (f"{told} refers to nothing" for told in references(bundle) if told.startswith("urn:") and told not in names)
    for _, resource in resources:
        for told in texts(resource):
            ElementTree.fromstring(told)  # noqa: S314 - what this program wrote


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inside in value.items():
            yield key, inside
            yield from walk(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from walk(inside)


def references(value: Any) -> list[str]:
    return [told for key, told in walk(value) if key == "reference"]


def texts(value: Any) -> list[str]:
    return [told for key, told in walk(value) if key == "div"]


def of_kind(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def written(path: Path, assessor: Assessor) -> list[dict[str, Any]]:
    knowledge = assessor.knowledge
    intake = read_files([path], knowledge.vocabulary, knowledge.dictionary)
    return [document(assessor.assess(case), knowledge) for case, _ in intake.cases]


RECORD = [
    patient(gender="female", birthDate="1959-04-02"),
    visit("2026-05-20"),
    observation("2823-3", 2.9, id="k", when="2026-05-18"),
    order("Furosemide 40 mg tablet", id="f"),
]


# Valid


@pytest.mark.parametrize("example", [*EXAMPLES, RECORDS / "bundle.json"], ids=lambda path: path.stem)
def test_the_document_is_valid_r4(example: Path, assessor: Assessor) -> None:
    documents = written(example, assessor)
    assert documents
    assert [told for bundle in documents for told in broken(bundle)] == []


def test_a_case_of_which_nothing_is_known_is_a_valid_document_too(assessor: Assessor) -> None:
    bundle = document(assessor.assess(Case("nobody", {})), assessor.knowledge)
    assert list(broken(bundle)) == []
    assert of_kind(bundle, "Patient") == of_kind(bundle, "DetectedIssue") == of_kind(bundle, "Provenance") == []
    assert of_kind(bundle, "ClinicalImpression")[0]["subject"] == {"identifier": {"value": "nobody"}, "display": "nobody"}


@pytest.mark.parametrize(
    ("kind", "element", "value"),
    [
        ("DetectedIssue", "status", None),
        ("DetectedIssue", "severity", "dreadful"),
        ("ServiceRequest", "subject", None),
        ("ServiceRequest", "intent", None),
        ("GuidanceResponse", "status", "perhaps"),
        ("ClinicalImpression", "summary", ["two", "texts"]),
        ("Composition", "author", None),
        ("Composition", "date", "yesterday"),
        ("Provenance", "recorded", "2026-05-20"),
        ("Device", "colour", "blue"),
    ],
)
def test_what_r4_does_not_allow_is_noticed(
    kind: str, element: str, value: object, assessor: Assessor, knowledge: KnowledgeBase
) -> None:
    bundle = document(assessor.assess(one(RECORD, knowledge)), knowledge)
    resource = of_kind(bundle, kind)[0]
    resource.pop(element, None)
    if value is not None:
        resource[element] = value
    assert list(broken(bundle))


def test_the_rules_between_elements_are_checked(assessor: Assessor) -> None:
    bundle = written(EXAMPLES[1], assessor)[0]
    bundle["entry"].reverse()
    del bundle["timestamp"]
    assert {told.split(": ")[1] for told in broken(bundle) if "bdl" in told} == {"bdl-10", "bdl-11"}


# What stands in it


def test_each_conclusion_stands_in_the_resource_that_is_meant_for_it(assessor: Assessor, knowledge: KnowledgeBase) -> None:
    assessment = assessor.assess(one(RECORD, knowledge))
    bundle = document(assessment, knowledge)
    (impression,), (guidance,) = of_kind(bundle, "ClinicalImpression"), of_kind(bundle, "GuidanceResponse")
    (device,) = of_kind(bundle, "Device")
    assert [issue["code"]["text"] for issue in of_kind(bundle, "DetectedIssue")] == [
        sign.label for sign in assessment.warning_signs
    ]
    potassium = next(one for one in impression["finding"] if one["itemCodeableConcept"]["text"].startswith("Low potassium"))
    assert potassium["itemCodeableConcept"]["coding"][0]["code"] == "E87.6"
    assert "2.9 mmol/L" in potassium["basis"]
    assert impression["status"] == "in-progress"
    assert guidance["status"] == "data-required"
    assert [need["id"] for need in guidance["dataRequirement"]] == [entry.id for entry in assessment.missing]
    magnesium = next(need for need in guidance["dataRequirement"] if need["id"] == "serum_magnesium")
    assert magnesium["codeFilter"][0]["code"][0]["system"] == "http://loinc.org"
    assert {version["value"] for version in device["version"]} == {knowledge.hash, f"{knowledge.title} {knowledge.version}"}


def test_only_tests_that_are_still_to_be_done_are_drafted_as_orders(assessor: Assessor, knowledge: KnowledgeBase) -> None:
    assessment = assessor.assess(one(RECORD, knowledge))
    orders = of_kind(document(assessment, knowledge), "ServiceRequest")
    assert {(order["status"], order["intent"]) for order in orders} == {("draft", "proposal")}
    assert "Magnesium" in " ".join(order["code"]["text"] for order in orders)
    plan = of_kind(document(assessment, knowledge), "Composition")[0]["section"]
    told = next(section["text"]["div"] for section in plan if section["title"] == "What to do")
    for step in assessment.next_steps:
        assert step.done or step.do.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in told


def test_a_conclusion_names_the_resources_of_the_record_that_it_rests_on(assessor: Assessor, knowledge: KnowledgeBase) -> None:
    bundle = document(assessor.assess(one(RECORD, knowledge)), knowledge)
    drawn = {
        entry["target"][0]["reference"]: [source["what"]["reference"] for source in entry["entity"]]
        for entry in of_kind(bundle, "Provenance")
    }
    named = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}
    by_text = {named[target].get("code", {}).get("text", "the impression"): told for target, told in drawn.items()}
    assert sorted(by_text["the impression"]) == ["MedicationRequest/f", "Observation/k", "Patient/p"]
    assert by_text["Cramps on diuretics"] == ["MedicationRequest/f"]
    assert by_text["Low electrolytes"] == ["Observation/k"]
    assert of_kind(bundle, "Patient")[0]["id"] == "p"


def test_the_name_of_a_medicine_makes_no_source(assessor: Assessor, knowledge: KnowledgeBase) -> None:
    forged = order("Furosemide 40 mg Observation/forged (Observation/forged)", id="f")
    bundle = document(assessor.assess(one([*RECORD[:3], forged], knowledge)), knowledge)
    told = [source["what"]["reference"] for entry in of_kind(bundle, "Provenance") for source in entry["entity"]]
    assert "MedicationRequest/f" in told
    assert "Observation/forged" not in told


# The same each time


def test_every_date_is_the_day_of_judging_and_none_is_made_up(assessor: Assessor, knowledge: KnowledgeBase) -> None:
    bundle = document(assessor.assess(one(RECORD, knowledge)), knowledge)
    assert bundle["timestamp"] == "2026-05-20T00:00:00Z"
    assert of_kind(bundle, "Composition")[0]["date"] == "2026-05-20"
    undated = written(EXAMPLES[1], assessor)[0]
    composition = of_kind(undated, "Composition")[0]
    assert "date" not in composition
    assert composition["_date"]["extension"][0]["valueCode"] == "unknown"
    assert not any(key.endswith("DateTime") for key, _ in walk(undated))
    assert undated["timestamp"] == "1970-01-01T00:00:00Z"


def test_a_written_case_is_dated_by_whoever_gives_a_day_and_a_record_by_its_own(
    assessor: Assessor, knowledge: KnowledgeBase
) -> None:
    written_case = document(assessor.assess(Case("x", {})), knowledge, "2026-07-01")
    assert of_kind(written_case, "Composition")[0]["date"] == "2026-07-01"
    assert list(broken(written_case)) == []
    recorded = document(assessor.assess(one(RECORD, knowledge)), knowledge, "2026-07-01")
    assert of_kind(recorded, "Composition")[0]["date"] == "2026-05-20"


def test_a_document_speaks_the_language_and_says_which(knowledge: KnowledgeBase) -> None:
    catalog = knowledge_catalog(None, "de")
    with speaking(language_of("de", catalog)):
        german = Assessor(translate(knowledge, catalog))
        bundle = document(german.assess(one(RECORD, knowledge)), german.knowledge)
    assert bundle["language"] == "de"
    assert list(broken(bundle)) == []
    headings = [section["title"] for section in of_kind(bundle, "Composition")[0]["section"]]
    assert headings[:2] == ["Urteil", "Warnzeichen"]
    assert document(Assessor(knowledge).assess(one(RECORD, knowledge)), knowledge)["language"] == "en"


def test_ids_come_of_the_content(assessor: Assessor, knowledge: KnowledgeBase) -> None:
    first, again = (document(assessor.assess(one(RECORD, knowledge)), knowledge) for _ in range(2))
    assert first == again
    other = document(
        assessor.assess(one([*RECORD, observation("2601-3", 0.5, id="mg", when="2026-05-18")], knowledge)), knowledge
    )
    assert not {entry["fullUrl"] for entry in first["entry"]} & {entry["fullUrl"] for entry in other["entry"]}


# Read again


@pytest.mark.parametrize("name", ["document.fhir.json", "several.fhir.json"])
def test_no_conclusion_is_read_as_a_finding(name: str, assessor: Assessor, knowledge: KnowledgeBase, tmp_path: Path) -> None:
    assessment = assessor.assess(one(RECORD, knowledge))
    several = [assessment, assessor.assess(Case("other", {}))]
    path = tmp_path / name
    form = FORMATS["fhir"]
    path.write_text(form.render(assessment, knowledge) if "document" in name else form.render_all(several, [], knowledge))
    intake = read_files([path], knowledge.vocabulary, knowledge.dictionary)
    assert intake.cases == ()
    assert "a document of Charley's own" in str(intake.refusals[0].problems[0])


def test_beside_the_record_that_it_was_made_from_it_changes_nothing(assessor: Assessor, knowledge: KnowledgeBase) -> None:
    bundle = document(assessor.assess(one(RECORD, knowledge)), knowledge)
    intake = read([*RECORD, bundle], knowledge)
    assert [case for case, _ in intake.cases] == [one(RECORD, knowledge)]


def test_a_document_of_another_author_is_read(knowledge: KnowledgeBase) -> None:
    entries = [{"fullUrl": f"urn:uuid:{place}", "resource": resource} for place, resource in enumerate(RECORD)]
    summary = {"resourceType": "Bundle", "type": "document", "entry": entries}
    assert one([summary], knowledge).findings.keys() == one(RECORD, knowledge).findings.keys()


# Text that came with the case


def test_hostile_text_stays_text(assessor: Assessor) -> None:
    hostile = 'x"><script>alert(1)</script>\x1b[31m\u202e&amp;\ufffe\ud800'
    bundle = document(assessor.assess(Case(hostile, {})), assessor.knowledge)
    assert list(broken(bundle)) == []
    shown = json.dumps(bundle, ensure_ascii=False)
    assert shown.encode()
    assert "<script>" not in " ".join(texts(bundle))
    assert "\\u001b" not in shown and "\u202e" not in shown


def test_several_documents_and_refusals_are_one_bundle(assessor: Assessor) -> None:
    refusal = Refusal("second", (Problem(Place("cases.yaml", 7), "the potassium is <too> high", "correct it"),))
    bundle = collection([assessor.assess(Case("first", {}))], [refusal], assessor.knowledge)
    assert [error.message for error in validator("Bundle").iter_errors(bundle)] == []
    assert Counter(entry["resource"]["resourceType"] for entry in bundle["entry"]) == {"Bundle": 1, "OperationOutcome": 1}
    assert "cases.yaml:7" in bundle["entry"][1]["resource"]["issue"][0]["diagnostics"]
