"""The findings as a Questionnaire, and the answers to it as a part of a record."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from facts.quantities import Interval
from facts.vocabulary import ChoiceFinding, QuantityFinding
from knowledge_base.model import KnowledgeBase
from reports.knowledge.questionnaire import questionnaire
from tests.fhir_samples import SUBJECT, concept, notes, one, read, visit
from tests.small_knowledge import choice, load, quantity, yes_no

# What R4 says of a Questionnaire, as far as this one uses it: cardinalities, types and invariants (que-1 to que-9).
CODING = {"type": "object", "required": ["code"], "properties": {"system": {"format": "uri"}, "code": {"type": "string"}}}
ITEM: dict[str, Any] = {
    "type": "object",
    "required": ["linkId", "type", "text"],
    "additionalProperties": False,
    "properties": {
        "linkId": {"type": "string", "minLength": 1},
        "text": {"type": "string", "minLength": 1},
        "type": {"enum": ["group", "display", "boolean", "decimal", "choice", "quantity"]},
        "code": {"type": "array", "minItems": 1, "items": CODING},
        "extension": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["url"], "minProperties": 2}},
        "answerOption": {"type": "array", "minItems": 2, "items": {"required": ["valueCoding"]}},
        "enableWhen": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {"required": ["question", "operator", "answerBoolean"], "additionalProperties": {}},
        },
        "item": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/item"}},
    },
    "allOf": [
        {"if": {"properties": {"type": {"const": "group"}}}, "then": {"required": ["item"]}},
        {"if": {"properties": {"type": {"const": "display"}}}, "then": {"not": {"required": ["item"]}}},
        {"if": {"required": ["answerOption"]}, "then": {"properties": {"type": {"const": "choice"}}}},
    ],
}
SCHEMA: dict[str, Any] = {
    "$defs": {"item": ITEM},
    "type": "object",
    "required": ["resourceType", "url", "version", "name", "title", "status", "subjectType", "item"],
    "properties": {
        "resourceType": {"const": "Questionnaire"},
        "status": {"enum": ["draft", "active", "retired", "unknown"]},
        "name": {"pattern": "^[A-Z]([A-Za-z0-9_]){0,254}$"},
        "url": {"pattern": "^urn:uuid:"},
        "item": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/item"}},
    },
}


def items(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in part.get("item", ()):
        yield item
        yield from items(item)


def test_the_questionnaire_has_the_shape_that_r4_demands(knowledge: KnowledgeBase) -> None:
    written = questionnaire(knowledge)
    jsonschema.validate(written, SCHEMA)
    names = [item["linkId"] for item in items(written)]
    assert len(names) == len(set(names))
    asked = {item["linkId"] for item in items(written) if item["type"] not in ("group", "display")}
    assert asked == set(knowledge.vocabulary.findings) - {"age", "sex"}
    assert {entry["question"] for item in items(written) for entry in item.get("enableWhen", ())} <= asked
    assert questionnaire(knowledge) == written


def response(*answered: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "q",
        "status": "completed",
        "subject": SUBJECT,
        "authored": "2026-03-01",
        "item": list(answered),
        **more,
    }


def answer(name: str, **value: Any) -> dict[str, Any]:
    return {"linkId": name, "answer": [value]}


def test_every_item_can_be_answered_and_read_back(knowledge: KnowledgeBase) -> None:
    """Answer each question by its own type, its last choice, or a quantity in each of its units, and read the answer."""
    for item in items(questionnaire(knowledge)):
        finding = knowledge.vocabulary.findings.get(item["linkId"])
        if finding is None:
            continue
        if isinstance(finding, ChoiceFinding):
            chosen = item["answerOption"][-1]["valueCoding"]
            expected = [(answer(finding.id, valueCoding=chosen), chosen["code"])]
        elif isinstance(finding, QuantityFinding):
            middle = sum(finding.range) / 2
            own = {"value": str(middle)}
            units = [extension["valueCoding"] for extension in item["extension"] if "valueCoding" in extension]
            expected = [(answer(finding.id, valueDecimal=str(middle)), middle)] if not units else []
            for unit in units:
                measured = {**own, "unit": unit["display"], "system": unit["system"], "code": unit["code"]}
                expected.append((answer(finding.id, valueQuantity=measured), middle if unit is units[0] else None))
        else:
            expected = [(answer(finding.id, valueBoolean=True), True), (answer(finding.id, valueBoolean=False), False)]
        for written, value in expected:
            intake = read([response(written)], knowledge)
            told = [problem.message for refusal in intake.refusals for problem in refusal.problems]
            # In another unit the same figure may lie outside of what is plausible; it is understood all the same.
            assert not told or (value is None and "outside the plausible range" in told[0]), told
            if value is not None:
                read_back = intake.cases[0][0].values[finding.id]
                assert read_back == (pytest.approx(value) if isinstance(value, float) else value)


def test_answers_stand_in_groups_and_under_other_answers(knowledge: KnowledgeBase) -> None:
    below = {
        "linkId": "muscle_weakness",
        "answer": [{"valueBoolean": True, "item": [answer("weakness_onset", valueString="sudden")]}],
    }
    case = one([response({"linkId": "group.nerves_and_strength", "item": [below]})], knowledge)
    assert case.values == {"muscle_weakness": True, "weakness_onset": "sudden"}
    assert case.findings["weakness_onset"].origin == "QuestionnaireResponse/q, 2026-03-01"


def test_an_answer_may_be_yes_in_the_code_of_another_terminology(knowledge: KnowledgeBase) -> None:
    yes = concept("SNOMED CT", "373066001")["coding"][0]
    assert one([response(answer("vomiting", valueCoding=yes))], knowledge).values == {"vomiting": True}


def test_answers_that_were_not_handed_in_only_warn(knowledge: KnowledgeBase) -> None:
    case = one([response(answer("vomiting", valueBoolean=True), status="in-progress")], knowledge)
    assert case.values == {}
    assert [(one.finding, one.observed.value) for one in case.unverified] == [("vomiting", True)]
    void = one([response(answer("vomiting", valueBoolean=True), status="entered-in-error")], knowledge)
    assert (void.values, void.unverified, len(notes(void))) == ({}, (), 1)


def test_answers_to_another_questionnaire_are_counted_and_told(knowledge: KnowledgeBase) -> None:
    case = one([response(answer("phq-1", valueInteger=2), answer("phq-2", valueInteger=1))], knowledge)
    ((text, reason),) = notes(case).items()
    assert text.startswith("2 answers to a questionnaire")
    assert "charley schema questionnaire" in reason


def test_old_answers_expire_as_everything_does(knowledge: KnowledgeBase) -> None:
    case = one([response(answer("vomiting", valueBoolean=True), authored="2025-01-01"), visit()], knowledge)
    assert case.values == {}
    assert any(text.startswith("vomiting: yes") for text in notes(case))


def test_an_answer_that_is_none_is_a_problem(knowledge: KnowledgeBase) -> None:
    for wrong in ({"valueString": "perhaps"}, {"valueDate": "2026-01-01"}):
        intake = read([response({"linkId": "vomiting", "answer": [wrong]})], knowledge)
        assert intake.cases[0][0].values == {}
        assert intake.refusals[0].problems[0].fix
    twice = {"linkId": "vomiting", "answer": [{"valueBoolean": True}, {"valueBoolean": False}]}
    assert one([response(twice)], knowledge).values == {}


def test_a_number_in_part_may_be_an_answer(knowledge: KnowledgeBase) -> None:
    case = one([response(answer("serum_potassium", valueString="< 2.5"))], knowledge)
    assert isinstance(case.values["serum_potassium"], Interval)


def test_a_foreign_knowledge_base_has_its_own_questionnaire(tmp_path: Any) -> None:
    foreign = load(tmp_path, {"aura": yes_no("aura"), "band": quantity("band"), "side": choice("side", "left", "right")})
    written = questionnaire(foreign)
    jsonschema.validate(written, SCHEMA)
    assert {item["linkId"] for item in items(written)} >= {"aura", "band", "side"}


@pytest.mark.parametrize("coding", [{"code": "yes"}, {"display": "Yes"}, {"code": "Y"}])
def test_a_plain_yes_is_read_from_a_coding_without_a_system(coding: dict[str, str], knowledge: KnowledgeBase) -> None:
    answered = {"linkId": "muscle_weakness", "answer": [{"valueCoding": coding}]}
    response = {
        "resourceType": "QuestionnaireResponse",
        "id": "q",
        "status": "completed",
        "authored": "2026-03-01",
        "subject": {"reference": "Patient/p"},
        "item": [answered],
    }
    assert one([response], knowledge).findings["muscle_weakness"].value is True
