"""What is missing of a case and pertinent: what could raise the urgency, then what bears on a cause in question."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from expert.inference.causes import CauseFound
from expert.inference.urgency import UrgencyTables
from expert.inference.verdict import Verdict
from facts.assessment import MissingFinding
from facts.language.speaking import say
from facts.vocabulary import Value
from knowledge_base.interview import MEDICINES
from knowledge_base.judging.judgement import Judge
from knowledge_base.model import KnowledgeBase
from reports.words.wording import value_text


class _Ranked(NamedTuple):
    """A missing finding with what it is sorted by: what matters most first."""

    order: tuple[int, int, int]
    finding: MissingFinding


class Asking:
    """Says what is missing, with one knowledge base."""

    def __init__(self, knowledge: KnowledgeBase, judge: Judge, urgency: UrgencyTables) -> None:
        self.knowledge, self.judge, self.urgency = knowledge, judge, urgency
        screens = knowledge.interview.screens.values()
        self.lists_question = next((screen.lead_in for screen in screens if screen.medicines), "")
        self.make = lru_cache(maxsize=16_384)(self._make)

    def missing(self, verdict: Verdict, found: Sequence[CauseFound], values: Mapping[str, Value]) -> tuple[MissingFinding, ...]:
        """Return the pertinent findings, unknown or known in part; those that the medicine lists decide are one question."""
        levels: dict[str, str] = {}
        # The most urgent dangers come first, and their level is the one that counts.
        for danger in verdict.open:
            for name in self.judge.findings_of(danger.bits):
                levels.setdefault(self._asked_as(name), danger.level)
        causes: dict[str, dict[str, None]] = {name: {} for name in levels}
        grading = self.knowledge.grading
        for cause, _, bits in found:
            if grading.at_least(cause.standing, grading.considered):
                for name in self.judge.findings_of(bits):
                    if name in verdict.answerable:
                        causes.setdefault(self._asked_as(name), {})[cause.id] = None
        ranked = [
            self.make(name, levels.get(name), tuple(some))
            for name, some in causes.items()
            if self.urgency.can_be_put(name, values)
        ]
        return tuple([self._put(entry.finding, values) for entry in sorted(ranked)])

    def _put(self, missing: MissingFinding, values: Mapping[str, Value]) -> MissingFinding:
        """Ask for the exact figure where something is known already."""
        value = values.get(missing.id)
        if value is None:
            return missing
        known = value_text(self.knowledge.vocabulary.findings[missing.id], value)
        so_far = say("{known} so far; the exact figure decides").format(known=known)
        return replace(missing, question=f"{missing.question} ({so_far})")

    def _asked_as(self, name: str) -> str:
        return MEDICINES if name in self.urgency.verdicts.listed else name

    def _make(self, name: str, level: str | None, causes: tuple[str, ...]) -> _Ranked:
        finding = self.knowledge.vocabulary.findings.get(name)
        question = self.lists_question if finding is None else finding.question
        place = -1 if finding is None else self.urgency.interview_place[name]
        rank = -1 if level is None else self.knowledge.level_rank[level]
        return _Ranked((-rank, place, -len(causes)), MissingFinding(name, question, level, causes))
