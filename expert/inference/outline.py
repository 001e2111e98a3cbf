"""Where a case stands, in outline: the verdict, the warning signs and the causes in question, without their arguments.

A page of a consultation shows no more than this. The argument, the plan and what is missing take several times as long, and
whatever shows them concludes the whole case.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter

from expert.inference.urgency import UrgencyTables
from facts.assessment import OpenWarning
from facts.vocabulary import Value
from knowledge_base.grading import Tally
from knowledge_base.judging.judgement import Judge, Judgement
from knowledge_base.model import KnowledgeBase, tally


@dataclass(frozen=True, slots=True)
class Outline:
    """What stands: as the assessment of the same case has it, and in the same order.

    `signs` are the warning signs that hold, each with its level; `causes` those that are considered, each with its standing.
    """

    level: str
    ceiling: str
    decided: bool
    could_rise_to: str | None
    could_rise: tuple[OpenWarning, ...]
    signs: tuple[tuple[str, str], ...]
    causes: tuple[tuple[str, str], ...]


class Outlining:
    """Makes outlines with one knowledge base; made once, used by any number of threads."""

    def __init__(self, knowledge: KnowledgeBase, judge: Judge, urgency: UrgencyTables) -> None:
        self.knowledge, self.urgency, self.ranking = knowledge, urgency, knowledge.ranking
        self.rules = [
            # Twice the last, so that a tuple comes of a single one too.
            (cause, itemgetter(*(judge.position[rule.id] for rule in (*cause.rules, cause.rules[-1]))))
            for cause in knowledge.causes.values()
            if cause.rules
        ]
        grading = knowledge.grading
        unargued = grading.standing(Tally())
        self.unargued = unargued if grading.at_least(unargued, grading.considered) else None

    def outline(self, values: Mapping[str, Value], judgement: Judgement) -> Outline:
        """Return where a case stands, given its judgement."""
        verdict = self.urgency.verdicts.verdict(values, judgement)
        return Outline(
            level=verdict.level,
            ceiling=verdict.ceiling,
            decided=self.urgency.is_decided(verdict, values),
            could_rise_to=verdict.could_rise_to,
            could_rise=self.urgency.could_rise(verdict),
            signs=self._signs(judgement),
            causes=self._causes(judgement),
        )

    def _signs(self, judgement: Judgement) -> tuple[tuple[str, str], ...]:
        ranks: dict[str, int] = {}
        for rule, rank in self.urgency.verdicts.demanded(judgement):
            ranks.setdefault(rule.target, rank)
        return tuple((name, self.urgency.levels[ranks[name]]) for name in sorted(ranks, key=lambda name: (-ranks[name], name)))

    def _causes(self, judgement: Judgement) -> tuple[tuple[str, str], ...]:
        true, grading = judgement.true, self.knowledge.grading
        found = []
        for cause, truths_of in self.rules:
            truths = truths_of(true)
            if not any(truths) and self.unargued is None:
                continue
            fired = tally(rule for rule, truth in zip(cause.rules, truths, strict=False) if truth)
            standing = grading.standing(fired)
            if grading.at_least(standing, grading.considered):
                found.append((self.ranking.place(cause.id, standing, fired), cause.id, standing))
        return tuple((name, standing) for _, name, standing in sorted(found))
