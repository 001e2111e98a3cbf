"""What would change the verdict on one patient: the smallest sets of other values, or of further answers, exactly.

z3 finds which findings have to change; which values do it is then tried out on the meaning, cell by cell: the numbers between
two neighbouring thresholds are all one to the knowledge base.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from types import MappingProxyType
from typing import TypeAlias

from expert.inference.assessing import Assessor, Disagreement
from expert.proofs.connectives import Formula, all_of, negation
from expert.proofs.formulas import Formulas, Patient
from expert.proofs.solver import Smallest, altered, answered, plain_number
from facts.assessment import Change, WayToChange, WhatWouldChange
from facts.case import Case
from facts.quantities import Interval
from facts.requirements import revise
from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding, Value
from knowledge_base.judging.judgement import contradiction_key
from knowledge_base.judging.thresholds import thresholds_of
from reports.words.wording import Bound, finding_clause, range_clause, value_text

MOST = 60
"""Sets that are looked for in each list; of more it is said that there are."""

Values: TypeAlias = Mapping[str, Value]
Verdict: TypeAlias = str | None
"""A level of urgency, or a cause; None where no cause leads."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Values of a finding that no condition tells apart: one of them, and for a quantity the bounds."""

    value: Value
    low: Bound | None = None
    high: Bound | None = None


class Counterfactuals:
    """Looks for what would change the assessments of one knowledge base."""

    def __init__(self, assessor: Assessor) -> None:
        self.assessor, self.knowledge = assessor, assessor.knowledge
        self.findings = self.knowledge.vocabulary.findings
        self.levels = list(self.knowledge.levels)
        self.thresholds = thresholds_of(self.knowledge)

    @cached_property
    def formulas(self) -> Formulas:
        """Everything as formulas; made when the first patient is looked at."""
        return Formulas(self.knowledge, Patient(self.findings))

    def __call__(self, case: Case) -> WhatWouldChange:
        """Look for the smallest changes that lower the urgency or move the leading cause, and answers that raise it."""
        values = case.values
        level, leading = self.level(values), self.leading(values)
        patient, at_least = self.formulas.patient, self.formulas.urgency_at_least
        possible = negation(self.formulas.contradictory)
        fixed, changed = altered(patient, values)
        other = Smallest(patient, [*fixed, possible], changed)
        lower = self.ways(values, other, negation(at_least(level)), self.level, set(self.levels[: self.levels.index(level)]))
        causes = {*self.knowledge.causes, None} - {leading}
        moved = self.ways(values, other, negation(self.formulas.leads(leading)), self.leading, causes)
        fixed, changed = answered(patient, values)
        partly = {name: value for name, value in values.items() if isinstance(value, Interval)}
        further = Smallest(patient, [*fixed, possible], changed)
        rises = []
        for rank in range(len(self.levels) - 1, self.levels.index(level), -1):
            above = [negation(at_least(higher)) for higher in self.levels[rank + 1 : rank + 2]]
            goal = all_of([at_least(self.levels[rank]), *above])
            rises.append(self.ways(values, further, goal, self.level, {self.levels[rank]}, partly))
        raised = tuple(way for ways, _ in rises for way in ways)
        whole = {"lower_urgency": lower[1], "other_leading_cause": moved[1], "raise_urgency": all(whole for _, whole in rises)}
        cut = tuple(name for name, all_found in whole.items() if not all_found)
        return WhatWouldChange(lower[0], moved[0], raised, leading, cut)

    def ways(
        self,
        values: Values,
        search: Smallest,
        goal: Formula,
        verdict: Callable[[Values], Verdict],
        wanted: set[Verdict],
        within: Mapping[str, Interval] = MappingProxyType({}),
    ) -> tuple[tuple[WayToChange, ...], bool]:
        """Return the smallest ways to a goal, which z3 knows as a formula and the meaning by its verdict, and whether all.

        The numbers in `within` stay within these bounds.
        """
        sets, whole = search.sets(goal, MOST)
        return tuple(way for names in sets for way in self._told(names, values, verdict, wanted, within)), whole

    # What the meaning says of given values

    def level(self, values: Values) -> str:
        """Return the urgency that is known to be demanded."""
        return self.assessor.urgency.level(self.assessor.judge(values))

    def leading(self, values: Values) -> str | None:
        """Return the cause that is listed first and at least likely."""
        return self.assessor.causes.leader(self.assessor.judge(values))

    def _possible(self, values: Values) -> bool:
        judge = self.assessor.judge
        true = judge(values).true
        return not any(true[judge.position[contradiction_key(name)]] for name in self.knowledge.contradictions)

    # Which values do it

    def _told(
        self,
        names: Sequence[str],
        values: Values,
        verdict: Callable[[Values], Verdict],
        wanted: set[Verdict],
        within: Mapping[str, Interval],
    ) -> Iterator[WayToChange]:
        cells = {name: [cell for cell in self._cells(name) if _meets(cell, within.get(name))] for name in names}
        here = {name: self._place(cells[name], values.get(name)) for name in names}
        results: dict[tuple[int, ...], Verdict] = {}
        for places in product(*(range(len(cells[name])) for name in names)):
            if all(place != here[name] for name, place in zip(names, places, strict=True)):
                changes = {name: cells[name][place].value for name, place in zip(names, places, strict=True)}
                now = revise(values, changes, self.findings)
                if now is None:
                    continue
                result = verdict(now)
                if result in wanted and self._possible(now):
                    results[places] = result
        if not results:
            raise Disagreement(f"z3 and the meaning of the knowledge differ about {', '.join(names)}; please report this")
        left = dict(results)
        while left:
            # The nearest to what is known comes first.
            start = min(left, key=lambda places: sum(abs(p - (here[n] or 0)) for p, n in zip(places, names, strict=True)))
            box = self._grown(start, names, {places for places, result in left.items() if result == left[start]})
            says = [self._says(name, [cells[name][place] for place in run]) for name, run in zip(names, box, strict=True)]
            told = [value_text(self.findings[name], values[name]) if name in values else None for name in names]
            described = tuple(Change(*change) for change in zip(names, says, told, strict=True))
            yield WayToChange(described, left[start])
            for places in product(*box):
                left.pop(places, None)

    def _grown(self, start: tuple[int, ...], names: Sequence[str], fit: set[tuple[int, ...]]) -> list[list[int]]:
        """Widen a place, one finding after the other, as far as every combination is fit; choices need not be neighbours."""
        box = [[place] for place in start]
        for index, name in enumerate(names):

            def fits(place: int, index: int = index) -> bool:
                return all(combined in fit for combined in product(*box[:index], [place], *box[index + 1 :]))

            if isinstance(self.findings[name], QuantityFinding):
                low = high = start[index]
                while fits(low - 1):
                    low -= 1
                while fits(high + 1):
                    high += 1
                box[index] = list(range(low, high + 1))
            else:
                every = {places[index] for places in fit}
                box[index] = [place for place in sorted(every) if fits(place)]
        return box

    def _cells(self, name: str) -> list[Cell]:
        finding = self.findings[name]
        if isinstance(finding, ChoiceFinding):
            return [Cell(choice) for choice in finding.choices]
        if not isinstance(finding, QuantityFinding):
            return [Cell(False), Cell(True)]
        low, high = finding.range
        thresholds = self.thresholds.get(name, [])
        inner = [threshold for threshold in thresholds if low <= threshold <= high]
        cells: list[Cell] = []
        for below, above in zip([None, *inner], [*inner, None], strict=True):
            if below is not None:
                cells.append(Cell(below, (below, True), (below, True)))
            if below == high or above == low:
                continue
            middle = ((low if below is None else below) + (high if above is None else above)) / 2
            value = plain_number(middle, thresholds, finding.range)
            cells.append(Cell(value, None if below is None else (below, False), None if above is None else (above, False)))
        return cells

    def _place(self, cells: Sequence[Cell], value: Value | None) -> int | None:
        """Return the cell in which a known value lies."""
        if value is None:
            return None
        for place, cell in enumerate(cells):
            if cell.value == value:
                return place
            if isinstance(value, float) and _holds(cell, value):
                return place
            if isinstance(value, Interval) and _holds(cell, value.least) and _holds(cell, value.greatest):
                return place
        return None

    def _says(self, name: str, cells: Sequence[Cell]) -> str:
        finding: Finding = self.findings[name]
        if isinstance(finding, QuantityFinding):
            return range_clause(finding, cells[0].low, cells[-1].high)
        return " or ".join(finding_clause(finding, cell.value) for cell in cells)


def _holds(cell: Cell, number: float) -> bool:
    above = cell.low is None or number > cell.low[0] or (cell.low[1] and number == cell.low[0])
    below = cell.high is None or number < cell.high[0] or (cell.high[1] and number == cell.high[0])
    return above and below


def _meets(cell: Cell, interval: Interval | None) -> bool:
    """Return whether a cell has numbers of an interval; any cell does where there is none."""
    if interval is None:
        return True
    below = cell.high is not None and (cell.high[0] < interval.least or (cell.high[0] == interval.least and not cell.high[1]))
    above = cell.low is not None and (cell.low[0] > interval.greatest or (cell.low[0] == interval.greatest and not cell.low[1]))
    return not below and not above
