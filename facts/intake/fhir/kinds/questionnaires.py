"""What a patient or clinician answered in a QuestionnaireResponse whose items are named for findings (`linkId`)."""

from collections.abc import Iterator, Mapping
from typing import Any

from facts.intake.fhir.codes import CodeIndex
from facts.intake.fhir.kinds.observations import coded_answer
from facts.intake.fhir.kinds.readings import Reading, answer_to, read_reading
from facts.intake.fhir.shapes.modifiers import why_not_understood
from facts.intake.fhir.shapes.moments import unreadable_date, when
from facts.intake.fhir.shapes.resources import DATED, NotUsed, Resource, StatedFinding, Told, label
from facts.intake.fhir.shapes.values import described, object_of, objects_of, text_of
from facts.problems import quoted
from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding, YesNoFinding

_GIVEN = frozenset({"completed", "amended"})
_UNFINISHED = frozenset({"in-progress", "stopped"})
_DEEPEST = 20
_PLAIN = ("valueBoolean", "valueString", "valueInteger", "valueDecimal")


def questionnaire_response(resource: Resource, index: CodeIndex) -> Iterator[Told]:
    """Read the answers to findings; what else was asked is counted and told."""
    value = resource.value
    moment = when(value, *DATED["QuestionnaireResponse"])
    status = text_of(value.get("status"))
    reason = why_not_understood(value)
    if not reason and status not in _GIVEN | _UNFINISHED:
        reason = f"status {quoted(status)}: nobody stands by the answers"
    if not reason and (written := unreadable_date(value, *DATED["QuestionnaireResponse"])):
        reason = f"its date {quoted(written)} cannot be read"
    if reason:
        yield NotUsed("the answers to a questionnaire", reason, resource, moment)
        return
    doubt = f"status {quoted(status)}: the answers were not handed in" if status in _UNFINISHED else ""
    strange = 0
    for item in _items(value):
        finding = index.vocabulary.findings.get(text_of(item.get("linkId")))
        answers = objects_of(item.get("answer"))
        if finding is None:
            strange += bool(answers)
            continue
        if len(answers) > 1:
            yield NotUsed(label(finding), "it is answered more than once", resource, moment, finding=finding.id)
            continue
        for answer in answers:
            for reading in _readings(answer, finding, index):
                if reading.observed is None:
                    yield NotUsed(label(finding), reading.reason, resource, moment, reading.fix, finding.id)
                else:
                    yield StatedFinding(finding.id, reading.observed, moment, resource.name, doubt or reading.doubt)
    if strange:
        what = f"{strange} answer{'s' * (strange != 1)} to a questionnaire"
        reason = "their linkId is no finding; `charley schema questionnaire` prints a questionnaire whose items are"
        yield NotUsed(what, reason, resource, moment)


def _items(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Return every item, those inside groups and under answers too."""
    waiting = [(item, 0) for item in reversed(objects_of(value.get("item")))]
    while waiting:
        item, depth = waiting.pop()
        yield item
        if depth < _DEEPEST:
            inside = [*objects_of(item.get("item"))]
            inside += [below for answer in objects_of(item.get("answer")) for below in objects_of(answer.get("item"))]
            waiting += [(below, depth + 1) for below in reversed(inside)]


def _readings(answer: Mapping[str, Any], finding: Finding, index: CodeIndex) -> Iterator[Reading]:
    written = next((answer[element] for element in _PLAIN if element in answer), None)
    coding = object_of(answer.get("valueCoding"))
    if coding:
        yield _chosen(coding, finding, index)
    elif isinstance(finding, QuantityFinding) and isinstance(answer.get("valueQuantity"), dict):
        yield from read_reading(answer, finding, index)
    elif written is None:
        yield Reading(None, "its answer is of a type that is not read", "answer with a value of the questionnaire's own type")
    elif isinstance(finding, QuantityFinding) and not isinstance(written, str | int | float):
        yield Reading(None, f"found {described(written)}, expected a number", "write the value as a number")
    else:
        # A number without a unit is in the unit that the questionnaire shows beside the question.
        yield answer_to(finding, written)


def _chosen(coding: Mapping[str, Any], finding: Finding, index: CodeIndex) -> Reading:
    code = text_of(coding.get("code"))
    if isinstance(finding, ChoiceFinding) and code in finding.choices:
        return answer_to(finding, code)
    reading = coded_answer({"valueCodeableConcept": {"coding": [coding]}}, finding, index)
    if reading.observed is None and not text_of(coding.get("system")) and isinstance(finding, YesNoFinding):
        return answer_to(finding, code or text_of(coding.get("display")))
    return reading
