"""An assessment with what would change its verdict."""

from collections.abc import Callable
from dataclasses import replace

from expert.inference.assessing import Assessor
from facts.assessment import (
    Assessment,
    WhatWouldChange,
)
from facts.case import Case


def explaining_changes(assessor: Assessor) -> Callable[[Case], Assessment]:
    """Return what assesses a case and says what would change its verdict; without z3 it says that this is missing."""
    try:
        from expert.proofs.counterfactuals import Counterfactuals
    except ModuleNotFoundError as error:
        if error.name != "z3":
            raise
        nothing = WhatWouldChange(missing_because="Not looked for: z3 is not installed (pip install 'charley[prove]').")
        return lambda case: replace(assessor.assess(case), what_would_change=nothing)
    look = Counterfactuals(assessor)

    def explain(case: Case) -> Assessment:
        assessment = assessor.assess(case)
        if assessment.urgency.verified_level is not None:
            return replace(assessment, what_would_change=_UNVERIFIED)
        return replace(assessment, what_would_change=look(case))

    return explain


_UNVERIFIED = WhatWouldChange(
    missing_because="Not looked for: the urgency depends on an unverified result. Repeat that, then ask again."
)
