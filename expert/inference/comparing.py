"""One patient at two times: both assessed, and the later one once more with what was not told again."""

from dataclasses import dataclass, replace
from types import MappingProxyType

from expert.inference.assessing import Assessor, ContradictoryCase
from facts.assessment import Assessment
from facts.case import Case, Contradiction, add_required
from facts.requirements import closed_by


@dataclass(frozen=True, slots=True)
class Compared:
    """Two assessments of one patient, and the later one as it would be if all that was not told again were as before.

    `if_unchanged` is None where everything was told again, or where what was told before cannot be true beside it.
    """

    before: Assessment
    after: Assessment
    if_unchanged: Assessment | None


def compare(assessor: Assessor, old: Case, new: Case) -> Compared:
    """Assess a patient at two times. Raises ContradictoryCase when the answers of either exclude each other."""
    before, after = assessor.assess(old), assessor.assess(new)
    vocabulary = assessor.knowledge.vocabulary
    # What a "no" now takes the meaning from was answered by it.
    closed = closed_by(new.values, (), old.values, vocabulary.findings)
    untold = {name: observed for name, observed in old.findings.items() if name not in new.findings and name not in closed}
    if not untold:
        return Compared(before, after, None)
    try:
        findings = add_required(vocabulary, {**untold, **new.findings})
        kept = replace(new, findings=MappingProxyType(findings))
        return Compared(before, after, assessor.assess(kept))
    except (Contradiction, ContradictoryCase):
        return Compared(before, after, None)
