"""How the arguments of a cause add up to its standing; the grades are data (grading.yaml), this reads and applies them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from facts.problems import did_you_mean
from facts.vocabulary import QuantityFinding
from knowledge_base.conditions.expression import ConditionError, Expression, Leaf, Scope, parse
from knowledge_base.conditions.logic import Truth, combine, evaluate_leaf

if TYPE_CHECKING:
    from knowledge_base.entries import KnowledgeFile, Problems
    from knowledge_base.schema import GradingFile


class Tally(NamedTuple):
    """How many arguments of each kind and strength fired for a cause."""

    confirms: int = 0
    supports_strong: int = 0
    supports_weak: int = 0
    opposes_strong: int = 0
    opposes_weak: int = 0
    excludes: int = 0


@dataclass(frozen=True)
class Grading:
    """The standings in the order causes are listed, and the grades, of which the first true one counts."""

    standings: Mapping[str, str]
    grades: tuple[tuple[str, Expression], ...]
    otherwise: str
    likely: str
    considered: str

    def at_least(self, standing: str, lowest: str) -> bool:
        """Return whether a standing comes before or equals another in listed order."""
        return self.order[standing] <= self.order[lowest]

    @cached_property
    def order(self) -> Mapping[str, int]:
        """The place of each standing in listed order, 0 for the first."""
        return {standing: place for place, standing in enumerate(self.standings)}

    # The two answers are kept in dictionaries, which unlike a cached function can be sent to a worker with the knowledge.
    # They stay small: a tally is six counts, of at most as many arguments as a cause has.
    @cached_property
    def _standing(self) -> dict[Tally, str]:
        return {}

    @cached_property
    def _reachable(self) -> dict[tuple[Tally, Tally], tuple[str, ...]]:
        return {}

    def standing(self, tally: Tally) -> str:
        """Return the standing that these arguments add up to."""
        known = self._standing.get(tally)
        if known is None:
            known = self._standing[tally] = next(self._possible(tally, Tally()))
        return known

    def reachable(self, fired: Tally, open_: Tally) -> tuple[str, ...]:
        """Return every standing that the cause may take, whichever of the `open_` arguments fire; sound, in listed order."""
        known = self._reachable.get((fired, open_))
        if known is None:
            possible = set(self._possible(fired, open_))
            known = tuple(standing for standing in self.standings if standing in possible)
            self._reachable[fired, open_] = known
        return known

    def _possible(self, fired: Tally, open_: Tally) -> Iterator[str]:
        for standing, condition in self.grades:
            truth = _judge(condition, fired, open_)
            if truth is not False:
                yield standing
            if truth:
                return
        yield self.otherwise


def _judge(condition: Expression, fired: Tally, open_: Tally) -> Truth:
    def truth_of(leaf: Leaf) -> Truth:
        least = getattr(fired, leaf.finding)
        most = least + getattr(open_, leaf.finding)
        # A comparison changes once between the two ends or not at all.
        ends = {evaluate_leaf(leaf, {leaf.finding: float(number)}) for number in (least, most)}
        return ends.pop() if len(ends) == 1 else None

    return combine(condition, truth_of, {})


def build_grading(file: "KnowledgeFile[GradingFile]", problems: "Problems") -> Grading:
    """Build the grading that grading.yaml declares, noting grades that cannot be read and standings that are not there."""
    content = file.content
    grades: list[tuple[str, Expression]] = []
    for index, grade in enumerate(content.grades):
        try:
            grades.append((grade.standing, parse_grade(grade.when)))
        except ConditionError as error:
            problems.add(file.node("grades", index, "when").place, error.message, error.fix)
    for standing in (*(name for name, _ in grades), content.otherwise, content.likely, content.considered):
        if standing not in content.standings:
            fix = did_you_mean(standing, content.standings) or "declare it"
            problems.add(file.node("grades").place, f"{standing} is not among the standings", fix)
    return Grading(content.standings, tuple(grades), content.otherwise, content.likely, content.considered)


def grading_scope() -> Scope:
    """Return the names that a grade's condition may use: the counts of a Tally."""
    counts = {
        name: QuantityFinding(id=name, group="", label=name, question="", kind="quantity", unit="count", range=[0, 1000])
        for name in Tally._fields
    }
    return Scope(counts)


def parse_grade(text: str) -> Expression:
    """Parse the condition of a grade. Raises ConditionError."""
    return parse(text, grading_scope())
