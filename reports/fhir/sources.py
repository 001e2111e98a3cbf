"""Which resources of a record a conclusion rests on, as the origins of its findings name them."""

import re
from collections.abc import Iterable

from facts.assessment import Argument, Assessment, FindingUsed

# Ids as FHIR allows them. An origin begins with its resource; a medicine is followed by its own, in brackets at its end.
_ID = r"[A-Za-z0-9.\-]{1,64}"
_FIRST = re.compile(rf"(?:Observation|Condition|Procedure|Patient|QuestionnaireResponse)/{_ID}(?=,|$)")
_MEDICINE = re.compile(rf"\((Medication(?:Request|Statement|Administration|Dispense)/{_ID})(?:, [^()]*)?\)(?=;|,| and |$)")


def sources_of(findings: Iterable[FindingUsed]) -> tuple[str, ...]:
    """Return the resources that findings of a record were read from, as "Observation/123", each once."""
    found: dict[str, None] = {}
    for used in findings:
        origin = used.origin or ""
        first = _FIRST.match(origin)
        found.update(dict.fromkeys([first[0]] if first else _MEDICINE.findall(origin)))
    return tuple(found)


def sources_of_arguments(arguments: Iterable[Argument]) -> tuple[str, ...]:
    """Return the resources that arguments rest on, each once."""
    return sources_of(used for argument in arguments for used in argument.findings)


def all_sources(assessment: Assessment) -> tuple[str, ...]:
    """Return every resource of the record that anything in the assessment rests on; none for a case that was written."""
    if assessment.record is None:
        return ()
    return sources_of((*assessment.findings, *(one.finding for one in assessment.unverified)))
