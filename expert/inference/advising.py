"""The plan of a case as it is reported: its steps with their reasons, and what was set aside."""

from collections.abc import Collection
from functools import reduce
from operator import or_

from expert.inference.arguing import Arguments
from expert.inference.ground_rules import Derived
from expert.inference.planning import Plan, Planned, Planner
from facts.assessment import StepAdvised, StepSetAside
from facts.quantities import Interval
from knowledge_base.judging.judgement import Judge, unless_key
from knowledge_base.model import KnowledgeBase, NextStep
from reports.words.wording import join


class Advising:
    """Makes and words plans with one knowledge base."""

    def __init__(self, knowledge: KnowledgeBase, judge: Judge) -> None:
        self.knowledge, self.judge, self.planner = knowledge, judge, Planner(knowledge)

    def plan(self, fired: Collection[str], level: str, arguments: Arguments) -> Plan:
        """Return the plan of a case with this level of urgency, made of the steps whose rules fired."""
        true = arguments.judgement.true

        def is_set_aside(step: NextStep) -> bool:
            return step.unless is not None and bool(true[self.judge.position[unless_key(step.id)]])

        applying = [step for name, step in self.knowledge.next_steps.items() if name in fired]
        return self.planner.plan(applying, level, self._known_enough(arguments), is_set_aside)

    def _known_enough(self, arguments: Arguments) -> Collection[str]:
        """Return the findings that are known, but for numbers of which the exact figure would still decide something."""
        values = arguments.values
        partly = [name for name, value in values.items() if isinstance(value, Interval)]
        if not partly:
            return values
        open_ = set(self.judge.findings_of(reduce(or_, arguments.judgement.missing[self.judge.rules], 0)))
        return values.keys() - open_.intersection(partly)

    def advise(self, plan: Plan, arguments: Arguments) -> tuple[StepAdvised, ...]:
        """Return the steps of a plan in their order, then those that are done."""
        at_top, known = self.knowledge.plan.at_top, self._known_enough(arguments)
        planned = [self._step(entry, arguments, known, do_now=place < at_top) for place, entry in enumerate(plan.steps)]
        done = [self._step(Planned(step, (step,)), arguments, known, done=True) for step in plan.done]
        return (*planned, *done)

    def set_aside(self, plan: Plan) -> tuple[StepSetAside, ...]:
        """Return what applies and is not in the plan, with its reason."""
        return tuple(StepSetAside(entry.step.id, entry.step.do, entry.reason) for entry in plan.set_aside)

    def _step(
        self, planned: Planned, arguments: Arguments, known: Collection[str], *, do_now: bool = False, done: bool = False
    ) -> StepAdvised:
        step, together = planned.step, planned.together
        findings, _ = arguments.grounds(Derived("rule", step.id))
        do, measures = step.do, planned.measures(known)
        if len(together) > 1 or (len(measures) < len(step.measure) and not done):
            do = self.knowledge.plan.measuring.replace("{which}", join(measures, "and"))
        return StepAdvised(
            id=step.id,
            kind=step.kind,
            do=do,
            because=arguments.because(step.id),
            findings=findings,
            source="; ".join(dict.fromkeys(key for one in together for key in one.rule.sources)),
            level=step.level,
            answers=tuple(dict.fromkeys(name for one in together for name in one.answers)),
            done=done,
            do_now=do_now,
            includes=tuple(one.id for one in together[1:]),
        )
