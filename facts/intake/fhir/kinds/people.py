"""What a record's Patient says: age and sex, whether the patient has died, and that two entries are one person."""

from collections.abc import Iterator, Sequence
from datetime import date

from facts.intake.fhir.codes import CodeIndex
from facts.intake.fhir.kinds.readings import answer_to
from facts.intake.fhir.shapes.modifiers import is_said, why_not_understood
from facts.intake.fhir.shapes.moments import is_open_end, moment_of
from facts.intake.fhir.shapes.resources import AsOf, NotUsed, Resource, StatedFinding, Told, label
from facts.intake.fhir.shapes.values import Coding, described, objects_of, reference_of, text_of
from facts.problems import quoted
from facts.vocabulary import Finding


def patient(resource: Resource, index: CodeIndex, as_of: AsOf) -> Iterator[Told]:
    """Read age and sex from a Patient."""
    value = resource.value
    if reason := why_not_understood(value):
        yield NotUsed("the patient", reason, resource)
        return
    if successor := replaced_by(resource):
        reason = f"it was merged into {successor}; what is recorded under either is read as one patient's"
        yield NotUsed(resource.name, reason, resource)
        return
    if value.get("active") is False:
        yield NotUsed("the patient", "active is false: the record may no longer be kept", resource)
    if (name := index.elements.get("Patient.gender")) and (gender := text_of(value.get("gender"))):
        finding = index.vocabulary.findings[name]
        answers = index.answers(finding, [Coding("FHIR gender", gender, "")])
        reading = answer_to(finding, answers.pop()) if answers else None
        if reading is not None and reading.observed is not None:
            yield StatedFinding(name, reading.observed, None, resource.name, is_reading=False)
        elif gender != "unknown":
            fix = "use male, female, other or unknown"
            yield NotUsed(label(finding), f"the gender {quoted(gender)} is not one of FHIR", resource, None, fix)
    if (name := index.elements.get("Patient.birthDate")) and value.get("birthDate") is not None:
        yield _age(resource, index.vocabulary.findings[name], as_of)


def replaced_by(resource: Resource) -> str:
    """Return the patient that this one was merged into, as "Patient/id"; "" for one that was not."""
    for link in objects_of(resource.value.get("link")):
        if link.get("type") in ("replaced-by", "replace") and (other := reference_of(link.get("other"))):
            return other
    return ""


def replaces(resource: Resource) -> Iterator[str]:
    """Return the patients that were merged into this one."""
    for link in objects_of(resource.value.get("link")):
        if link.get("type") == "replaces" and (other := reference_of(link.get("other"))):
            yield other


def death(resources: Sequence[Resource], as_of: date | None) -> str:
    """Say that the patient has died, and when; "" for one who, as far as is recorded, was alive on the day of judging."""
    for resource in resources:
        if resource.kind != "Patient":
            continue
        written = resource.value.get("deceasedDateTime")
        if written not in (None, "") and not is_open_end(written):
            died = moment_of(written)
            if died is None:
                return f"the record says that the patient has died ({described(written)})"
            if as_of is None or died.first_day <= as_of:
                return f"the record says that the patient died on {died.shown}"
        elif is_said(resource.value.get("deceasedBoolean")):
            return "the record says that the patient has died"
    return ""


def _age(resource: Resource, finding: Finding, as_of: AsOf) -> StatedFinding | NotUsed:
    written = resource.value["birthDate"]
    born = moment_of(written)
    if born is None:
        fix = "write it as YYYY-MM-DD"
        return NotUsed(label(finding), f"the birth date {described(written)} is not a date", resource, None, fix)
    if as_of.day is None:
        return NotUsed(label(finding), "the record has no date at which the patient is judged; give --as-of", resource)
    ages = {_years(day, as_of.day) for day in (born.first_day, born.last_day)}
    if min(ages) < 0:
        fix = "correct one of the two dates"
        return NotUsed(label(finding), f"born {born.shown}, after the assessment on {as_of.day}", resource, None, fix)
    # A birth date without its day leaves open which of two years it is.
    reading = answer_to(finding, f"{' to '.join(map(str, sorted(ages)))} years")
    if reading.observed is None:
        return NotUsed(label(finding), reading.reason, resource, None, reading.fix)
    return StatedFinding(finding.id, reading.observed, None, resource.name, is_reading=False)


def _years(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
