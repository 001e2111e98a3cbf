"""What a record's observations say of findings, by the codes that the vocabulary declares.

Absence says nothing: only an Observation that answers "no", or a value, ever makes a finding other than present.
"""

from collections.abc import Iterator, Mapping, Set
from typing import Any

from facts.case import Observed
from facts.intake.fhir.codes import CodeIndex
from facts.intake.fhir.kinds.readings import (
    Reading,
    answer_to,
    by_reference_range,
    interpretations,
    read_reading,
    unread_value,
)
from facts.intake.fhir.shapes.modifiers import why_not_understood
from facts.intake.fhir.shapes.moments import Timestamp, unreadable_date, when
from facts.intake.fhir.shapes.resources import DATED, NotUsed, Resource, StatedFinding, Told, with_value
from facts.intake.fhir.shapes.systems import INTERPRETATION
from facts.intake.fhir.shapes.values import Coding, codings_of, names_of, object_of, objects_of, text_of
from facts.intake.judging import VOID
from facts.problems import quoted
from facts.vocabulary import Finding, QuantityFinding, YesNoFinding

_VERIFIED = frozenset({"final", "amended", "corrected", "appended"})
_RESULTS = ("value", "interpretation")
_ASSERTION = Coding("HL7 act", "ASSERTION", "")
# Yes and no themselves, as HL7's table 0136, LOINC's answer lists and SNOMED CT's qualifiers write them; other answers are
# knowledge, and stand in the vocabulary.
_YES_NO = {
    ("HL7 yes/no", "Y"): "yes",
    ("HL7 yes/no", "N"): "no",
    ("LOINC", "LA33-6"): "yes",
    ("LOINC", "LA32-8"): "no",
    ("SNOMED CT", "373066001"): "yes",
    ("SNOMED CT", "373067005"): "no",
}


def observation(resource: Resource, index: CodeIndex, accepted: Set[str] = frozenset()) -> Iterator[Told]:
    """Read an Observation and its components. A status in `accepted` counts as that of a final result."""
    value = resource.value
    moment = when(value, *DATED["Observation"])
    for part in (value, *objects_of(value.get("component"))):
        codings = codings_of(part.get("code"))
        if any(coding.system == _ASSERTION.system and coding.code == _ASSERTION.code for coding in codings):
            asked = [(finding, answer) for finding, answer in asserted(part.get("valueCodeableConcept"), index)]
        else:
            asked = [(index.finding(meaning), "") for meaning in index.meant(codings) if not meaning.answer]
            told = list(not_known(codings, resource, index, moment))
            yield from told or named_alone(part, resource, index, moment)
        for finding, answer in asked:
            readings = [answer_to(finding, answer)] if answer else list(_readings(part, finding, index))
            for reading in readings:
                yield from _told(resource, finding, reading, moment, accepted)


def _told(
    resource: Resource, finding: Finding, reading: Reading, moment: Timestamp | None, accepted: Set[str]
) -> Iterator[StatedFinding | NotUsed]:
    value = resource.value
    status = text_of(value.get("status"))
    what = with_value(finding, reading.observed)
    doubt = reading.doubt
    if status not in _VERIFIED and status not in accepted:
        doubt = f"status {quoted(status)}: nobody has verified it"
    if reason := why_not_understood(value):
        yield NotUsed(what, reason, resource, moment, finding=finding.id)
    elif value.get("focus"):
        yield NotUsed(what, "it is about somebody or something else than the patient (focus)", resource, moment)
    elif status in VOID:
        yield NotUsed(what, f"status {quoted(status)}: the result is void", resource, moment)
    elif reading.observed is None:
        # What gives no value supersedes nothing; nor does what nobody vouches for.
        superseding = finding.id if not reading.gives_nothing and not doubt else ""
        yield NotUsed(what, reading.reason, resource, moment, reading.fix, superseding)
    elif written := unreadable_date(value, *DATED["Observation"]):
        reason, fix = f"its date {quoted(written)} cannot be read", "write it as YYYY-MM-DDThh:mm:ss+hh:mm"
        yield NotUsed(what, reason, resource, None, fix)
        yield StatedFinding(finding.id, reading.observed, None, resource.name, reason)
    else:
        yield StatedFinding(finding.id, reading.observed, moment, resource.name, doubt)


def not_known(codings: tuple[Coding, ...], resource: Resource, index: CodeIndex, moment: Timestamp | None) -> Iterator[NotUsed]:
    """Tell of a code that would be known, were its terminology named in a way that is."""
    if not index.knows(codings):
        for coding in codings:
            if coding.system == "" and index.is_code_elsewhere(coding.code):
                system = f"its system is {quoted(coding.written)}" if coding.written else "it has none"
                yield NotUsed(f"code {coding.code} without a known system", f"not used: {system}", resource, moment)


def named_alone(part: Mapping[str, Any], resource: Resource, index: CodeIndex, moment: Timestamp | None) -> Iterator[NotUsed]:
    """Tell of a result that would be known by its name, had it a code of a terminology that is read."""
    concept = part.get("code")
    if any(coding.system for coding in codings_of(concept)) or not any(key.startswith(_RESULTS) for key in part):
        return
    if name := index.measured_by_name(names_of(concept)):
        reason = "not used: no code of it is known here, and a name alone may mean something else"
        measured = object_of(part.get("valueQuantity"))
        value, unit = text_of(measured.get("value")) or text_of(part.get("valueString")), text_of(measured.get("unit"))
        yield NotUsed(" ".join(filter(None, (f"a result called {quoted(name)}", value, unit))), reason, resource, moment)


def asserted(concept: Any, index: CodeIndex) -> Iterator[tuple[Finding, str]]:
    """Read a concept that stands for a finding itself: present, or the answer that it is a code of."""
    for meaning in index.meant(codings_of(concept)):
        finding = index.finding(meaning)
        if meaning.answer or isinstance(finding, YesNoFinding):
            yield finding, meaning.answer or "yes"


def _readings(part: Mapping[str, Any], finding: Finding, index: CodeIndex) -> Iterator[Reading]:
    if isinstance(finding, QuantityFinding):
        yield from read_reading(part, finding, index)
    elif part.get("dataAbsentReason"):
        yield Reading(None, "the record says that the value is missing", gives_nothing=True)
    elif isinstance(finding, YesNoFinding) and isinstance(part.get("valueBoolean"), bool):
        yield Reading(Observed(part["valueBoolean"]))
    else:
        yield coded_answer(part, finding, index)


def coded_answer(part: Mapping[str, Any], finding: Finding, index: CodeIndex) -> Reading:
    """Read the answer that a coded value, or else its interpretation, stands for."""
    found = _answers(part, finding, index)
    if len(found) == 1:
        return answer_to(finding, found.pop())
    if found:
        return Reading(None, f"it answers both {' and '.join(sorted(found))}")
    told = next(names_of(part.get("valueCodeableConcept")), text_of(part.get("valueString")))
    if told:
        return Reading(None, f"{quoted(told)} is not an answer that the vocabulary knows")
    reason, fix = unread_value(part)
    return Reading(None, reason or "it gives no answer", fix, gives_nothing=not reason)


def _answers(part: Mapping[str, Any], finding: Finding, index: CodeIndex) -> set[str]:
    """Return the answer that a value stands for, or else its interpretation; several when they differ, none when unknown."""
    coded = codings_of(part.get("valueCodeableConcept"))
    found = index.answers(finding, coded)
    if isinstance(finding, YesNoFinding):
        found |= {_YES_NO[key] for coding in coded if (key := (coding.system, coding.code)) in _YES_NO}
    if found or not finding.answer_codes:
        return found
    if interpreted := interpretations(part):
        return index.answers(finding, [Coding(INTERPRETATION, code, "") for code in interpreted])
    answers = [index.answers(finding, [Coding(INTERPRETATION, code, "")]) for code in by_reference_range(part)]
    # With one limit alone it is open whether a value is normal or beyond the other; both must come to the same answer.
    return answers[0] if answers and all(some == answers[0] for some in answers) else set()
