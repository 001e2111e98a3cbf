"""Two patients of whom one is worse: what is asked of monotone knowledge."""

from collections.abc import Iterable, Sequence
from functools import partial

import z3

from expert.proofs.connectives import Formula, all_of, any_of, both, negation
from expert.proofs.formulas import Encoding, Patient
from knowledge_base.conditions.expression import Expression


class Later(Patient):
    """The same patient later: what is known, and within what bounds, may be other than now; values are the same."""

    def __init__(self, now: Patient) -> None:
        super().__init__(now.findings, "later ")
        self.value, self.choices = now.value, now.choices


class Opaque:
    """Two states of one patient, of whom more is known later; what is named is any three-valued thing."""

    def __init__(self, now: Patient, later: Later, findings: Iterable[str], names: Iterable[str]) -> None:
        self.now, self.later, self.findings = now, later, tuple(findings)
        self.named = {
            name: [[z3.Bool(f"{when} {truth} {name}") for truth in (False, True)] for when in ("now", "later")]
            for name in names
        }
        self._now = Encoding(self.now.tells, partial(self._named, 0))
        self._later = Encoding(self.later.tells, partial(self._named, 1))

    @property
    def pairs(self) -> list[tuple[Formula, Formula]]:
        """What says of each finding that it is known, and in what bounds a number lies, now and later."""
        now, later = self.now, self.later
        sides = ((now.known, later.known), (now.least, later.least), (now.greatest, later.greatest))
        return [(before[name], after[name]) for name in self.findings for before, after in sides if name in after]

    @property
    def more_is_known(self) -> list[Formula]:
        """Say that what is known stays known, a number within its bounds, and a named thing at most one of true and false."""
        now, later = self.now, self.later
        grows = []
        for name in self.findings:
            stays = [later.known[name]]
            if name in later.least:
                stays += [now.least[name] <= later.least[name], later.greatest[name] <= now.greatest[name]]
                grows.append(later.least[name] <= later.greatest[name])
            grows.append(z3.Implies(now.known[name], all_of(stays)))
        for was, is_ in self.named.values():
            grows += [negation(all_of(is_)), *(z3.Implies(before, after) for before, after in zip(was, is_, strict=True))]
        return grows

    def unsaid(self, tree: Expression, truth: bool) -> Formula:
        """Say that a condition had this truth and has it no more."""
        return both(self._now(tree, truth), negation(self._later(tree, truth)))

    def _named(self, when: int, name: str, truth: bool) -> Formula:
        return self.named[name][when][truth]


def better_and_worse(patient: Patient, then: Patient, finding: str, order: str | Sequence[str | bool]) -> list[Formula]:
    """Say that a finding is known of both, a number exactly, and worse of the second."""
    known = [patient.known[finding], then.known[finding], patient.exact(finding), then.exact(finding)]
    if order == "higher":
        return [*known, then.least[finding] > patient.least[finding]]
    if order == "lower":
        return [*known, then.least[finding] < patient.least[finding]]
    worse = [
        both(patient.is_(finding, before), then.is_(finding, after))
        for place, before in enumerate(order)
        for after in order[place + 1 :]
    ]
    return [*known, any_of(worse)]
