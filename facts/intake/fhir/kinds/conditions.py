"""What a record's conditions and procedures say of findings: present, or nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

from facts.intake.fhir.codes import CodeIndex
from facts.intake.fhir.kinds.observations import asserted, not_known
from facts.intake.fhir.kinds.readings import answer_to
from facts.intake.fhir.shapes.modifiers import why_not_understood
from facts.intake.fhir.shapes.moments import moment_of, unreadable_date, when
from facts.intake.fhir.shapes.resources import DATED, AsOf, NotKnown, NotUsed, Resource, StatedFinding, Told, label
from facts.intake.fhir.shapes.systems import ABSENT_OR_UNKNOWN, ICD_10
from facts.intake.fhir.shapes.values import codings_of, names_of, object_of, statuses_of, text_of
from facts.problems import quoted

PRESENT = frozenset({"active", "recurrence", "relapse"})
_PAST = frozenset({"inactive", "remission", "resolved"})
_DOUBTED = frozenset({"unconfirmed", "provisional", "differential", "refuted", "entered-in-error"})
_OF_AN_ENCOUNTER = "encounter-diagnosis"
_RECORDED = ("recordedDate", "assertedDate", "dateRecorded")
_ENDS = ("abatementDateTime", "abatementPeriod")


def condition(resource: Resource, index: CodeIndex, as_of: AsOf) -> Iterator[Told]:
    """Read a Condition: present, or nothing. What was refuted or has passed leaves a finding unknown.

    A refuted diagnosis rules out that diagnosis at that time; the finding may ask for more, and may be true by now.
    """
    value = resource.value
    since = moment_of(value.get("onsetDateTime")) or moment_of(object_of(value.get("onsetPeriod")).get("start"))
    recorded = when(value, *_RECORDED)
    moment = since or recorded
    reason = why_not_understood(value) or _why_not_present(value, as_of)
    codings = codings_of(value.get("code"))
    meant = list(asserted(value.get("code"), index))
    in_cm = any(coding.system != ICD_10 and index.knows([coding]) for coding in codings)
    remark = "" if in_cm else "by its category in ICD-10 outside the US, unchecked"
    for finding, answer in meant:
        if answer == "no":
            continue
        if reason:
            yield NotUsed(label(finding), reason, resource, moment)
        elif moment is None and (written := unreadable_date(value, *DATED["Condition"])):
            fix = "write it as YYYY-MM-DD"
            yield NotUsed(label(finding), f"the date {quoted(written)} cannot be read", resource, None, fix)
        else:
            reading = answer_to(finding, answer)
            if reading.observed is None:
                yield NotUsed(label(finding), reading.reason, resource, moment)
            else:
                yield StatedFinding(
                    finding.id, reading.observed, moment, resource.name, is_reading=False, recorded=recorded, remark=remark
                )
    if not meant:
        told = list(not_known(codings, resource, index, moment))
        yield from told
        # A code alone is better than silence.
        bare = f"{codings[0].written} {codings[0].code}".strip() if codings else ""
        if any(coding.system == ABSENT_OR_UNKNOWN for coding in codings):
            named = next(names_of(value.get("code")), codings[0].code)
            yield NotUsed(named, "a record's lists are never taken for complete, so nothing is absent for it", resource, moment)
        elif not told and not reason and (name := next(names_of(value.get("code")), bare)):
            outside = any(coding.system == ICD_10 for coding in codings)
            yield NotKnown(f"{name} (of ICD-10 outside the US, only whole categories are read)" if outside else name)


def _why_not_present(value: Mapping[str, Any], as_of: AsOf) -> str:
    verification = statuses_of(value.get("verificationStatus"))
    if doubted := sorted(verification & _DOUBTED):
        return f"verificationStatus {doubted[0]}: the condition is not established"
    if verification and "confirmed" not in verification:
        return f"verificationStatus {quoted(sorted(verification)[0])}: whether the condition is established is not recorded"
    clinically = statuses_of(value.get("clinicalStatus"))
    if clinically & PRESENT and clinically & _PAST:
        return f"clinicalStatus says both {' and '.join(sorted(clinically & (PRESENT | _PAST)))}"
    clinical = min(clinically & (PRESENT | _PAST), default="") or min(clinically, default="")
    ended = any(key.startswith("abatement") and value[key] not in (None, False) for key in value)
    if as_of.before(when(value, *_ENDS)) and (clinical in _PAST | PRESENT or not clinical):
        return ""
    if clinical in _PAST or (ended and clinical not in PRESENT):
        return f"it is past (clinicalStatus {clinical})" if clinical else "it is past (abatement)"
    if not clinical and _is_of_an_encounter(value):
        # US Core: the diagnosis of an encounter has no clinicalStatus; it was present on that day.
        return ""
    if clinical not in PRESENT:
        told = f"clinicalStatus {quoted(clinical)}" if clinical else "no clinicalStatus"
        return f"{told}: whether it is present is not recorded"
    return "clinicalStatus says active, but an end is recorded" if ended else ""


def _is_of_an_encounter(value: Mapping[str, Any]) -> bool:
    return _OF_AN_ENCOUNTER in statuses_of(value.get("category"))


def procedure(resource: Resource, index: CodeIndex) -> Iterator[Told]:
    """Read a Procedure: what is going on is present; what was completed says nothing of the time after it."""
    moment = when(resource.value, *DATED["Procedure"])
    status = text_of(resource.value.get("status"))
    reason = why_not_understood(resource.value)
    for finding, answer in asserted(resource.value.get("code"), index):
        if reason:
            yield NotUsed(label(finding), reason, resource, moment)
        elif status == "in-progress":
            reading = answer_to(finding, answer)
            if reading.observed is not None:
                yield StatedFinding(finding.id, reading.observed, moment, resource.name, is_reading=False)
        elif status == "completed":
            yield NotUsed(label(finding), "it was completed; whether it goes on is not recorded", resource, moment)
        else:
            yield NotUsed(label(finding), f"status {quoted(status)}", resource, moment)
