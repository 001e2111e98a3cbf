"""Two patients of whom one is worse: what is asked of monotone knowledge."""

from collections.abc import Iterable, Sequence
from functools import partial

import z3

from expert.proofs.formulas import Encoding, Formula, Patient
from knowledge_base.expression import Expression, Leaf


class Opaque:
    """Two states of one patient, of whom more is known in the second; what is named is any three-valued thing."""

    def __init__(self, patient: Patient, findings: Iterable[str], names: Iterable[str]) -> None:
        self.patient = patient
        self.later = {name: z3.Bool(f"later known {name}") for name in findings}
        self.named = {
            name: [[z3.Bool(f"{when} {truth} {name}") for truth in (False, True)] for when in ("now", "later")]
            for name in names
        }
        self._now = Encoding(patient.tells, partial(self._named, 0))
        self._later = Encoding(self._tells_later, partial(self._named, 1))

    @property
    def known_pairs(self) -> list[tuple[Formula, Formula]]:
        """What says of each finding that it is known, now and later."""
        return [(self.patient.known[name], later) for name, later in self.later.items()]

    @property
    def more_is_known(self) -> list[Formula]:
        """Say that what is known stays known, and that every named thing is at most one of true and false and stays so."""
        grows = [z3.Implies(self.patient.known[name], later) for name, later in self.later.items()]
        for now, later in self.named.values():
            grows += [z3.Not(z3.And(later)), *(z3.Implies(before, after) for before, after in zip(now, later, strict=True))]
        return grows

    def unsaid(self, tree: Expression, truth: bool) -> Formula:
        """Say that a condition had this truth and has it no more."""
        return z3.And(self._now(tree, truth), z3.Not(self._later(tree, truth)))

    def _named(self, when: int, name: str, truth: bool) -> Formula:
        return self.named[name][when][truth]

    def _tells_later(self, leaf: Leaf, truth: bool) -> Formula:
        made = self.patient.tells(leaf, truth)
        return z3.substitute(made, (self.patient.known[leaf.finding], self.later[leaf.finding]))


def better_and_worse(patient: Patient, then: Patient, finding: str, order: str | Sequence[str | bool]) -> list[Formula]:
    """Say that a finding is known of both, and worse of the second."""
    known = [patient.known[finding], then.known[finding]]
    if order == "higher":
        return [*known, then.value[finding] > patient.value[finding]]
    if order == "lower":
        return [*known, then.value[finding] < patient.value[finding]]
    worse = [
        z3.And(patient.is_(finding, before), then.is_(finding, after))
        for place, before in enumerate(order)
        for after in order[place + 1 :]
    ]
    return [*known, z3.Or(worse)]
