"""The plan: of all steps whose rules fired, the few that matter now, in the order in which they must happen.

A danger suppresses what does not matter beside it, a step that is a hazard here is set aside, what is done is gone, tests that
are due become one line, and a plan is no longer than a good note. What is set aside is kept with its reason.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from knowledge_base.model import KnowledgeBase, NextStep

Reason: TypeAlias = Literal["hazard", "later", "said_better", "measured_together", "too_many"]
"""Why a step is not in the plan: it is a hazard here or does not matter; it can wait beside the danger; another step says it
better; it is measured with another test; or the plan is long enough."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A step that is not in the plan, and why."""

    step: NextStep
    reason: Reason


@dataclass(frozen=True, slots=True)
class Planned:
    """A step of the plan; `together` are the steps that it stands for, itself first."""

    step: NextStep
    together: tuple[NextStep, ...]

    def measures(self, known: Container[str]) -> tuple[str, ...]:
        """Return what is still to be measured, each once, in the order of the steps."""
        wanted = (label for step in self.together for label, finding in step.measure.items() if finding not in known)
        return tuple(dict.fromkeys(wanted))


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps to do in their order, steps that are done, and steps that were set aside."""

    steps: tuple[Planned, ...]
    done: tuple[NextStep, ...]
    set_aside: tuple[SetAside, ...]


class Planner:
    """Makes plans with one knowledge base; made once, used by any number of threads."""

    def __init__(self, knowledge: KnowledgeBase) -> None:
        self.knowledge, self.shape = knowledge, knowledge.plan
        self.rank = knowledge.level_rank
        self.place = {name: place for place, name in enumerate(knowledge.next_steps)}

    def plan(
        self, fired: Iterable[NextStep], level: str, known: Iterable[str], is_set_aside: Callable[[NextStep], bool]
    ) -> Plan:
        """Return the plan for a patient with this level of urgency, of whom the findings `known` are known.

        `is_set_aside` says of a step whether its `unless` is known to hold.
        """
        known = frozenset(known)
        aside: list[SetAside] = []
        done: list[NextStep] = []
        due: list[NextStep] = []
        floor = self.rank.get(self.shape.soonest.get(level, ""), 0)
        for step in fired:
            if _is_done(step, known):
                done.append(step)
            elif is_set_aside(step):
                aside.append(SetAside(step, "hazard"))
            elif self.rank[step.level] < floor:
                aside.append(SetAside(step, "later"))
            else:
                due.append(step)
        due.sort(key=self._key)
        due = self._without_fallbacks(due, aside)
        planned = self._measured_together(due, aside)
        return Plan(tuple(self._shortened(planned, level, aside)), tuple(done), tuple(aside))

    def _key(self, step: NextStep) -> tuple[int, bool, int, int]:
        return (-self.rank[step.level], not step.first, step.order, self.place[step.id])

    def _without_fallbacks(self, due: Sequence[NextStep], aside: list[SetAside]) -> list[NextStep]:
        """Return the steps without those that say in general what another of their kind, no later, says for this patient."""
        best: dict[str, int] = {}
        for step in due:
            if not step.fallback:
                best[step.kind] = max(best.get(step.kind, -1), self.rank[step.level])
        kept = []
        shown: set[str] = set()
        for step in due:
            if step.fallback and (best.get(step.kind, -1) >= self.rank[step.level] or step.kind in shown):
                aside.append(SetAside(step, "said_better"))
                continue
            if step.fallback:
                shown.add(step.kind)
            kept.append(step)
        return kept

    def _measured_together(self, due: Sequence[NextStep], aside: list[SetAside]) -> list[Planned]:
        """Return the steps with every test that measures something joined to the first such test."""
        measuring = [step for step in due if step.measure]
        planned = []
        for step in due:
            if not step.measure:
                planned.append(Planned(step, (step,)))
            elif step is measuring[0]:
                planned.append(Planned(step, tuple(measuring)))
            else:
                aside.append(SetAside(step, "measured_together"))
        return planned

    def _shortened(self, planned: Sequence[Planned], level: str, aside: list[SetAside]) -> list[Planned]:
        most = self.shape.most_steps.get(level, len(planned))
        kept: list[Planned] = []
        room = most - sum(self._must_stay(entry.step) for entry in planned)
        for entry in planned:
            if self._must_stay(entry.step):
                kept.append(entry)
            elif room > 0:
                kept.append(entry)
                room -= 1
            else:
                aside.extend(SetAside(step, "too_many") for step in entry.together)
        return kept

    def _must_stay(self, step: NextStep) -> bool:
        return step.first or (step.kind == "referral" and self.rank[step.level] == len(self.rank) - 1)


def _is_done(step: NextStep, known: frozenset[str]) -> bool:
    """Return whether everything that a step would tell, or measure, is known."""
    wanted = (step.answers, step.measure.values())
    return any(names and known.issuperset(names) for names in wanted)
