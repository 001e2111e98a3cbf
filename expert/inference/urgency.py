"""How urgent a case is: the warning signs that hold, the level that they demand, and what could still raise it."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from expert.inference.arguing import Arguments
from facts.assessment import Argument, OpenWarning, Urgency, WarningSignFound
from knowledge_base.judgement import Judge, Judgement
from knowledge_base.model import KnowledgeBase, Rule


class WarningRule(NamedTuple):
    """A rule of a warning sign: the level it demands, the rank of that, and where the judge has its condition."""

    rule: Rule
    level: str
    rank: int
    position: int


class OpenRule(NamedTuple):
    """A warning that is neither known to hold nor ruled out, and the bits of the unknown findings that decide it."""

    warning: WarningRule
    missing: int


class UrgencyTables:
    """What the urgency of every case is read from, for one knowledge base: its warnings, the highest level first."""

    def __init__(self, knowledge: KnowledgeBase, judge: Judge) -> None:
        self.knowledge, self.judge = knowledge, judge
        self.levels, rank = tuple(knowledge.levels), knowledge.level_rank
        warnings = (
            WarningRule(rule, rule.level or sign.level, rank[rule.level or sign.level], judge.position[rule.id])
            for sign in knowledge.warning_signs.values()
            for rule in sign.rules
        )
        self.warnings = tuple(sorted(warnings, key=lambda warning: (-warning.rank, warning.rule.target, warning.rule.id)))
        self.open_warning = lru_cache(maxsize=16_384)(self._open_warning)

    def level(self, judgement: Judgement) -> str:
        """Return the level that is known to be demanded."""
        true = judgement.true
        return self.levels[next((warning.rank for warning in self.warnings if true[warning.position]), 0)]

    def find_signs(self, judgement: Judgement, arguments: Arguments) -> tuple[WarningSignFound, ...]:
        """Return the warning signs that hold, the highest level first."""
        by_sign: dict[str, list[tuple[WarningRule, Argument]]] = {}
        true = judgement.true
        for warning in self.warnings:
            if true[warning.position]:
                by_sign.setdefault(warning.rule.target, []).append((warning, arguments.argument(warning.rule)))
        found = []
        for name, fired in by_sign.items():
            # The warnings stand highest level first, so the first one decides the level.
            warning, worst = fired[0]
            label = self.knowledge.warning_signs[name].label
            every = tuple(argument for _, argument in fired)
            found.append((warning.rank, WarningSignFound(name, label, warning.level, worst.because, worst.source, every)))
        return tuple(sign for _, sign in sorted(found, key=lambda entry: (-entry[0], entry[1].id)))

    def find_open(self, judgement: Judgement, level: str) -> tuple[OpenRule, ...]:
        """Return the open warnings that would raise the urgency above a level, the highest first."""
        missing, floor = judgement.missing, self.knowledge.level_rank[level]
        return tuple(
            [
                OpenRule(warning, missing[warning.position])
                for warning in self.warnings
                if missing[warning.position] and warning.rank > floor
            ]
        )

    def conclude(self, level: str, signs: Sequence[WarningSignFound], rising: Sequence[OpenRule]) -> Urgency:
        """Return the urgency, given the signs that hold and the open warnings that would raise it."""
        ceiling = rising[0].warning.level if rising else level
        because = tuple(sign.because for sign in signs if sign.level == level)
        could_rise = tuple([self.open_warning(warning.rule.id, missing) for warning, missing in rising])
        return Urgency(level, ceiling, because or ("No warning sign is known.",), could_rise)

    def _open_warning(self, name: str, missing: int) -> OpenWarning:
        rule = self.knowledge.rules[name]
        return OpenWarning(rule.target, name, rule.level or "", self.judge.findings_of(missing))
