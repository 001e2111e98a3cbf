"""Which of many patients a change of knowledge may touch: all of them judged at once, before and after.

Whoever is not touched comes out as before in every condition, standing and level, and need not be looked at one by one.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from expert.cohorts.planes.cohort_judge import CohortJudge
from facts.vocabulary import Value
from knowledge_base.model import KnowledgeBase
from tests.cohort_frames import frame_of

_Planes = tuple[NDArray[np.uint64], NDArray[np.uint64]]
"""Where a condition is true, and where it is false."""


class Touched:
    """Tells which patients one or another change of a knowledge base may touch."""

    def __init__(self, knowledge: KnowledgeBase, patients: Sequence[Mapping[str, Value]]) -> None:
        self.knowledge, self.frame = knowledge, frame_of(knowledge, patients)
        self.before = self._judge(knowledge)

    def _judge(self, knowledge: KnowledgeBase) -> dict[str, _Planes]:
        judge = CohortJudge(knowledge)
        names = tuple(judge.judge.conditions)
        judged = judge.judge_only(self.frame, names)
        return {name: judged.planes(name) for name in names}

    def __call__(self, knowledge: KnowledgeBase) -> NDArray[np.bool_]:
        """Return for each patient whether a condition comes out otherwise, or counts otherwise where it is known."""
        height = self.frame.height
        if knowledge.grading.grades != self.knowledge.grading.grades:
            return np.ones(height, np.bool_)
        after = self._judge(knowledge)
        nowhere = np.zeros(-(-height // 64), np.uint64)
        touched = nowhere.copy()
        for name in {**self.before, **after}:
            was, is_ = (planes.get(name, (nowhere, nowhere)) for planes in (self.before, after))
            if _substance(knowledge, name) == _substance(self.knowledge, name):
                touched |= (was[0] ^ is_[0]) | (was[1] ^ is_[1])
            else:
                touched |= was[0] | was[1] | is_[0] | is_[1]
        return np.unpackbits(touched.view(np.uint8), bitorder="little")[:height].astype(np.bool_)


def _substance(knowledge: KnowledgeBase, name: str) -> tuple[str | None, ...]:
    """Return what follows from a rule, beside when it fires."""
    rule = knowledge.rules.get(name)
    return () if rule is None else (rule.kind, rule.target, rule.strength, rule.level)
