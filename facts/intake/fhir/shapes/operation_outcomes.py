"""OperationOutcomes: what a server answered where data was asked for."""

from collections.abc import Mapping
from typing import Any

from facts.intake.fhir.shapes.values import bare_code, names_of, objects_of, text_of
from facts.problems import quoted

_SERIOUS = frozenset({"fatal", "error"})


def error_of(outcome: Mapping[str, Any]) -> str:
    """Return the first error that an OperationOutcome tells, with what it says of it; "" for one that only warns or informs."""
    issues = objects_of(outcome.get("issue"))
    for issue in issues:
        if bare_code(issue.get("severity")) in _SERIOUS:
            said = text_of(issue.get("diagnostics")) or next(names_of(issue.get("details")), "")
            return " ".join(
                filter(None, (bare_code(issue.get("severity")), bare_code(issue.get("code")), quoted(said) if said else ""))
            )
    return "" if issues else "it tells no issue"
