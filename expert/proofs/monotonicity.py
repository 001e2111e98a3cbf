"""Two patients of whom one is worse: what is asked of monotone knowledge."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import z3

from knowledge_base.expression import Compared, Expression, Named, OneOf, Present

if TYPE_CHECKING:
    pass
from expert.proofs.formulas import Formula, Formulas, Patient


class Opaque:
    """Two states of one patient, of whom more is known in the second; what is named is any three-valued thing."""

    def __init__(self, patient: Patient, findings: Iterable[str], names: Iterable[str]) -> None:
        self.patient = patient
        self.later = {name: z3.Bool(f"later known {name}") for name in findings}
        self.named = {
            name: [[z3.Bool(f"{when} {truth} {name}") for truth in (False, True)] for when in ("now", "later")]
            for name in names
        }

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
        return z3.And(self._formula(tree, truth, 0), z3.Not(self._formula(tree, truth, 1)))

    def _formula(self, tree: Expression, truth: bool, when: int) -> Formula:
        formulas = _Renamed(self, when)
        return formulas.true(tree) if truth else formulas.false(tree)


class _Renamed(Formulas):
    """Formulas about one of the two states."""

    def __init__(self, opaque: Opaque, when: int) -> None:
        self.opaque, self.when, self.patient, self._made = opaque, when, opaque.patient, {}

    def _make(self, tree: Expression, truth: bool) -> Formula:
        if isinstance(tree, Named):
            return self.opaque.named[tree.name][self.when][truth]
        made = super()._make(tree, truth)
        if self.when and isinstance(tree, Present | Compared | OneOf):
            return z3.substitute(made, (self.patient.known[tree.finding], self.opaque.later[tree.finding]))
        return made


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
