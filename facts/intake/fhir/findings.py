"""What a record's observations, conditions, procedures and Patient say of findings, by the codes that the vocabulary declares.

Absence says nothing: only an Observation that answers "no", or a value, ever makes a finding other than present.
"""

from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from math import isfinite
from typing import Any

from facts.answers import AnswerError, read_answer
from facts.case import Observed
from facts.intake.fhir.codes import INTERPRETATION, CodeIndex
from facts.intake.fhir.resources import DATED, AsOf, NotUsed, Resource, StatedFinding, Told, label
from facts.intake.fhir.values import (
    UCUM,
    Coding,
    Timestamp,
    bare_code,
    codings_of,
    described,
    moment_of,
    names_of,
    object_of,
    objects_of,
    text_of,
    when,
)
from facts.problems import quoted
from facts.units import match_unit
from facts.vocabulary import Finding, QuantityFinding, YesNoFinding

_RESULTS = frozenset({"final", "amended", "corrected"})
_PRESENT = frozenset({"active", "recurrence", "relapse"})
_PAST = frozenset({"inactive", "remission", "resolved"})
_DOUBTED = frozenset({"unconfirmed", "provisional", "differential", "refuted", "entered-in-error"})
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


# Observations


def observation(resource: Resource, index: CodeIndex) -> Iterator[Told]:
    """Read an Observation and its components."""
    value = resource.value
    moment = when(value, *DATED["Observation"])
    status = text_of(value.get("status"))
    for part in (value, *objects_of(value.get("component"))):
        codings = codings_of(part.get("code"))
        if any(coding.system == _ASSERTION.system and coding.code == _ASSERTION.code for coding in codings):
            asked = [(finding, answer) for finding, answer in _asserted(part.get("valueCodeableConcept"), index)]
        else:
            asked = [(index.finding(meaning), "") for meaning in index.meant(codings) if not meaning.answer]
        for finding, answer in asked:
            if status not in _RESULTS:
                reason = f"status {quoted(status)}: only final, amended and corrected results count"
                yield NotUsed(label(finding), reason, resource, moment)
            elif value.get("focus"):
                yield NotUsed(
                    label(finding), "it is about somebody or something else than the patient (focus)", resource, moment
                )
            elif answer:
                yield StatedFinding(finding.id, _answer(finding, answer), moment, resource.name)
            else:
                yield _read(resource, part, finding, index, moment)


def _asserted(concept: Any, index: CodeIndex) -> Iterator[tuple[Finding, str]]:
    """Read a concept that stands for a finding itself: present, or the answer that it is a code of."""
    for meaning in index.meant(codings_of(concept)):
        finding = index.finding(meaning)
        if meaning.answer or isinstance(finding, YesNoFinding):
            yield finding, meaning.answer or "yes"


def _answer(finding: Finding, answer: str) -> Observed:
    return Observed(answer == "yes") if isinstance(finding, YesNoFinding) else Observed(answer)


def _read(
    resource: Resource, part: Mapping[str, Any], finding: Finding, index: CodeIndex, moment: Timestamp | None
) -> StatedFinding | NotUsed:
    if part.get("dataAbsentReason"):
        return NotUsed(label(finding), "the record says that the value is missing", resource, moment)
    if isinstance(finding, QuantityFinding):
        return _quantity(resource, part, finding, moment)
    if isinstance(finding, YesNoFinding) and isinstance(part.get("valueBoolean"), bool):
        return StatedFinding(finding.id, Observed(part["valueBoolean"]), moment, resource.name)
    found = _answers(part, finding, index)
    if len(found) == 1:
        return StatedFinding(finding.id, _answer(finding, found.pop()), moment, resource.name)
    if found:
        reason = f"it answers both {' and '.join(sorted(found))}"
        return NotUsed(label(finding), reason, resource, moment, finding=finding.id)
    told = next(names_of(part.get("valueCodeableConcept")), text_of(part.get("valueString")))
    reason = f"{quoted(told)} is not an answer that the vocabulary knows" if told else "it gives no answer"
    return NotUsed(label(finding), reason, resource, moment, finding=finding.id if told else "")


def _answers(part: Mapping[str, Any], finding: Finding, index: CodeIndex) -> set[str]:
    """Return the answer that a value stands for, or else its interpretation; several when they differ, none when unknown."""
    coded = codings_of(part.get("valueCodeableConcept"))
    found = index.answers(finding, coded)
    if isinstance(finding, YesNoFinding):
        found |= {_YES_NO[key] for coding in coded if (key := (coding.system, coding.code)) in _YES_NO}
    if found or not finding.answer_codes:
        return found
    interpreted = [coding for coding in codings_of(part.get("interpretation")) if coding.system == INTERPRETATION]
    if interpreted:
        return index.answers(finding, interpreted)
    possible = _by_reference_range(part)
    answers = [index.answers(finding, [Coding(INTERPRETATION, code, "")]) for code in possible]
    # With one limit alone it is open whether a value is normal or beyond the other; both must come to the same answer.
    return answers[0] if answers and all(some == answers[0] for some in answers) else set()


def _by_reference_range(part: Mapping[str, Any]) -> Sequence[str]:
    """Return the interpretations that a value may have by the laboratory's own limits: "L", "N", "H"."""
    ranges = objects_of(part.get("referenceRange"))
    measured = object_of(part.get("valueQuantity"))
    # Several ranges are for several kinds of people, and a range may be of another type than the normal one.
    if len(ranges) != 1 or measured.get("comparator") or bare_code(ranges[0].get("type")) not in ("", "normal"):
        return ()
    value = _number(measured)
    low, high = (object_of(ranges[0].get(end)) for end in ("low", "high"))
    limits = [_number(limit) for limit in (low, high)]
    if value is None or any(limit and _unit(limit) != _unit(measured) for limit in (low, high)):
        return ()
    if limits[1] is not None and value > limits[1]:
        return ("H",)
    if limits[0] is not None and value < limits[0]:
        return ("L",)
    if None not in limits:
        return ("N",)
    return ("N", "L") if limits[1] is not None else ("N", "H") if limits[0] is not None else ()


def _number(quantity: Mapping[str, Any]) -> float | None:
    value = quantity.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def _unit(quantity: Mapping[str, Any]) -> str:
    return text_of(quantity.get("code")) or text_of(quantity.get("unit"))


def _quantity(
    resource: Resource, part: Mapping[str, Any], finding: QuantityFinding, moment: Timestamp | None
) -> StatedFinding | NotUsed:
    what = label(finding)
    measured = object_of(part.get("valueQuantity"))
    value = measured.get("value", part.get("valueInteger"))
    if value is None:
        told = text_of(part.get("valueString")) or next(names_of(part.get("valueCodeableConcept")), "")
        reason = f"{quoted(told)} is not a quantity" if told else "it gives no value"
        return NotUsed(what, reason, resource, moment, finding=finding.id if told else "")
    if measured.get("comparator"):
        told = f"{text_of(measured['comparator'])} {value}"
        return NotUsed(what, f"{quoted(told)} is a limit, not a value", resource, moment, finding=finding.id)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        reason, fix = f"found {described(value)}, expected a number", "write the value as a number"
        return NotUsed(what, reason, resource, moment, fix, finding.id)
    units = [text_of(measured.get("code")) if measured.get("system") == UCUM else "", text_of(measured.get("unit"))]
    units = [unit for unit in (*units, text_of(measured.get("code"))) if unit]
    if not units and finding.unit != "count":
        fix = f"give one of UCUM, such as {finding.unit}"
        return NotUsed(what, f"{quoted(value)} has no unit", resource, moment, fix, finding.id)
    unit = next((unit for unit in units if match_unit(unit, finding)), units[0] if units else "")
    # UCUM's unit of what has none, which after a number nobody writes by hand.
    unit = "" if unit == "1" and finding.unit == "count" else unit
    return _answered(resource, finding, f"{value} {unit}".strip(), moment)


def _answered(resource: Resource, finding: Finding, written: str, moment: Timestamp | None) -> StatedFinding | NotUsed:
    """Read an answer as a case file's is read."""
    try:
        observed = read_answer(finding, written)
    except AnswerError as error:
        message, _, fix = str(error).removeprefix(f"{finding.id}: ").rpartition("; ")
        return NotUsed(label(finding), message, resource, moment, fix, finding.id)
    if observed is None:
        return NotUsed(label(finding), "it gives no value", resource, moment)
    return StatedFinding(finding.id, observed, moment, resource.name)


# Conditions and procedures


def condition(resource: Resource, index: CodeIndex, as_of: AsOf) -> Iterator[Told]:
    """Read a Condition: present, or nothing. What was refuted or has passed leaves a finding unknown.

    A refuted diagnosis rules out that diagnosis at that time; the finding may ask for more, and may be true by now.
    """
    value = resource.value
    since = moment_of(value.get("onsetDateTime")) or moment_of(object_of(value.get("onsetPeriod")).get("start"))
    moment = since or moment_of(value.get("recordedDate"))
    reason = _why_not_present(value, as_of)
    for finding, answer in _asserted(value.get("code"), index):
        if answer == "no":
            continue
        if reason:
            yield NotUsed(label(finding), reason, resource, moment)
        else:
            yield StatedFinding(finding.id, _answer(finding, answer), moment, resource.name)


def _why_not_present(value: Mapping[str, Any], as_of: AsOf) -> str:
    verification = bare_code(value.get("verificationStatus"))
    if verification in _DOUBTED:
        return f"verificationStatus {verification}: the condition is not established"
    clinical = bare_code(value.get("clinicalStatus"))
    ended = any(key.startswith("abatement") and value[key] not in (None, False) for key in value)
    if as_of.before(when(value, "abatementDateTime", "abatementPeriod")) and clinical in _PAST | _PRESENT:
        return ""
    if clinical in _PAST or (ended and clinical not in _PRESENT):
        return f"it is past (clinicalStatus {clinical})" if clinical else "it is past (abatement)"
    if clinical not in _PRESENT:
        told = f"clinicalStatus {quoted(clinical)}" if clinical else "no clinicalStatus"
        return f"{told}: whether it is present is not recorded"
    return "clinicalStatus says active, but an end is recorded" if ended else ""


def procedure(resource: Resource, index: CodeIndex) -> Iterator[Told]:
    """Read a Procedure: what is going on is present; what was completed says nothing of the time after it."""
    moment = when(resource.value, *DATED["Procedure"])
    status = text_of(resource.value.get("status"))
    for finding, answer in _asserted(resource.value.get("code"), index):
        if status == "in-progress":
            yield StatedFinding(finding.id, _answer(finding, answer), moment, resource.name)
        elif status == "completed":
            yield NotUsed(label(finding), "it was completed; whether it goes on is not recorded", resource, moment)
        else:
            yield NotUsed(label(finding), f"status {quoted(status)}", resource, moment)


# Patient


def patient(resource: Resource, index: CodeIndex, as_of: AsOf) -> Iterator[Told]:
    """Read age and gender from a Patient."""
    value = resource.value
    died = moment_of(value.get("deceasedDateTime"))
    if died is not None or value.get("deceasedBoolean") is True:
        yield NotUsed("the patient", "the record says that the patient has died", resource, died)
    if (name := index.elements.get("Patient.gender")) and (gender := text_of(value.get("gender"))):
        finding = index.vocabulary.findings[name]
        answers = index.answers(finding, [Coding("FHIR gender", gender, "")])
        if answers:
            yield StatedFinding(name, _answer(finding, answers.pop()), None, resource.name)
        elif gender != "unknown":
            fix = "use male, female, other or unknown"
            yield NotUsed(label(finding), f"the gender {quoted(gender)} is not one of FHIR", resource, None, fix)
    if (name := index.elements.get("Patient.birthDate")) and value.get("birthDate") is not None:
        yield _age(resource, index.vocabulary.findings[name], as_of)


def _age(resource: Resource, finding: Finding, as_of: AsOf) -> StatedFinding | NotUsed:
    written = resource.value["birthDate"]
    born = moment_of(written)
    if born is None:
        fix = "write it as YYYY-MM-DD"
        return NotUsed(label(finding), f"the birth date {described(written)} is not a date", resource, None, fix)
    if as_of.day is None:
        return NotUsed(label(finding), "the record has no date at which the patient is judged; give --as-of", resource)
    ages = {_years(day, as_of.day) for day in _possible_days(born)}
    if min(ages) < 0:
        fix = "correct one of the two dates"
        return NotUsed(label(finding), f"born {born.shown}, after the assessment on {as_of.day}", resource, None, fix)
    if len(ages) > 1:
        between = " or ".join(map(str, sorted(ages)))
        return NotUsed(label(finding), f"the birth date {born.shown} leaves open whether it is {between} years", resource)
    return _answered(resource, finding, f"{ages.pop()} years", None)


def _possible_days(born: Timestamp) -> tuple[date, date]:
    first = born.instant.date()
    if born.day is not None:
        return born.day, born.day
    if len(born.shown) == len("YYYY-MM"):
        return first, first.replace(day=monthrange(first.year, first.month)[1])
    return first, first.replace(month=12, day=31)


def _years(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
