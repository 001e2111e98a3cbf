"""OperationOutcomes: what a server answered where data was asked for."""

from collections.abc import Mapping
from typing import Any

from facts.intake.fhir.shapes.values import bare_code, names_of, object_of, objects_of, text_of
from facts.problems import quoted

_SERIOUS = frozenset({"fatal", "error"})
_LACKING = frozenset({"suppressed", "incomplete", "timeout", "too-costly", "throttled"})
"""What says that the answer is not whole, however mildly."""


def error_of(outcome: Mapping[str, Any]) -> str:
    """Return the first error that an OperationOutcome tells, with what it says of it; "" for one that only warns or informs."""
    issues = objects_of(outcome.get("issue"))
    for issue in issues:
        if bare_code(issue.get("severity")) in _SERIOUS or bare_code(issue.get("code")) in _LACKING:
            said = text_of(issue.get("diagnostics")) or next(names_of(issue.get("details")), "")
            return " ".join(
                filter(None, (bare_code(issue.get("severity")), bare_code(issue.get("code")), quoted(said) if said else ""))
            )
    return "" if issues else "it tells no issue"


def refused_entry(entry: Mapping[str, Any]) -> str:
    """Return what a server answered to one entry of a batch, where that is an error; else ""."""
    response = object_of(entry.get("response"))
    outcome = object_of(response.get("outcome"))
    status = text_of(response.get("status"))
    told = error_of(outcome) if outcome else ""
    return ": ".join(filter(None, (status, told))) if told or status[:1] in ("4", "5") else ""
