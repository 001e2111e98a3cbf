"""Every cause of a case with its arguments, its standing, what that could still become, and its place among the others."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from expert.inference.arguing import Arguments
from facts.assessment import CauseAssessed
from knowledge_base.grading import Tally
from knowledge_base.judging.judgement import Judge, Judgement
from knowledge_base.model import Cause, KnowledgeBase, Rule, tally


class CauseFound(NamedTuple):
    """A cause, the place at which it is listed, and the bits of the unknown findings that could change an argument of it."""

    assessed: CauseAssessed
    place: int
    missing: int


class CauseTables:
    """What the causes of every case are read from, for one knowledge base."""

    def __init__(self, knowledge: KnowledgeBase, judge: Judge) -> None:
        self.knowledge, self.judge, self.ranking = knowledge, judge, knowledge.ranking
        self.rules = {
            cause.id: tuple((rule, judge.position[rule.id], 1 << place) for place, rule in enumerate(cause.rules))
            for cause in knowledge.causes.values()
        }
        self.unargued = lru_cache(maxsize=16_384)(self._unargued)

    def leader(self, judgement: Judgement) -> str | None:
        """Return the cause that is listed first and at least likely; None where there is none."""
        true, grading = judgement.true, self.knowledge.grading
        places = []
        for name, rules in self.rules.items():
            fired = tally(rule for rule, position, _ in rules if true[position])
            places.append(self.ranking.place(name, grading.standing(fired), fired))
        return self.ranking.leader(places)

    def find(self, judgement: Judgement, standings: Mapping[str, str], arguments: Arguments) -> tuple[CauseFound, ...]:
        """Return every cause, in the order of declaration; `standings` are those that forward chaining derived."""
        return tuple([self._found(cause, judgement, standings, arguments) for cause in self.knowledge.causes.values()])

    def _found(self, cause: Cause, judgement: Judgement, standings: Mapping[str, str], arguments: Arguments) -> CauseFound:
        true, missing = judgement
        fired: list[Rule] = []
        open_ = bits = 0
        for rule, position, bit in self.rules[cause.id]:
            if true[position]:
                fired.append(rule)
            elif missing[position]:
                open_ |= bit
                bits |= missing[position]
        if not fired:
            return self.unargued(cause.id, open_, bits)
        counts, standing = tally(fired), standings[cause.id]
        assessed = CauseAssessed(
            id=cause.id,
            label=cause.label,
            category=cause.category,
            standing=standing,
            could_be=self.knowledge.grading.reachable(counts, self._tally(cause.id, open_)),
            arguments_for=tuple(arguments.argument(rule) for rule in fired if rule.kind in ("confirms", "supports")),
            arguments_against=tuple(arguments.argument(rule) for rule in fired if rule.kind in ("opposes", "excludes")),
            missing=self.judge.findings_of(bits),
        )
        return CauseFound(assessed, self.ranking.place(cause.id, standing, counts), bits)

    def _tally(self, cause: str, open_: int) -> Tally:
        return tally(rule for rule, _, bit in self.rules[cause] if open_ & bit)

    def _unargued(self, name: str, open_: int, bits: int) -> CauseFound:
        cause, grading = self.knowledge.causes[name], self.knowledge.grading
        standing, could_be = grading.standing(Tally()), grading.reachable(Tally(), self._tally(name, open_))
        missing = self.judge.findings_of(bits)
        assessed = CauseAssessed(name, cause.label, cause.category, standing, could_be, (), (), missing)
        return CauseFound(assessed, self.ranking.place(name, standing, Tally()), bits)
