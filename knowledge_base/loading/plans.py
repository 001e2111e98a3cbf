"""Next steps, and the shape of the plan that they become, built from what is written."""

from collections.abc import Iterable, Mapping

from facts.finding_search import suggest_finding
from facts.problems import did_you_mean
from knowledge_base import schema
from knowledge_base.declarations import StepKind
from knowledge_base.entries import Context, KnowledgeFile, Node
from knowledge_base.loading.rules import build_rule
from knowledge_base.model import NextStep, PlanShape, Topic

_PLACES: Mapping[StepKind, int] = {"advice": 2, "referral": 3, "avoid": 4, "test": 5, "examination": 6}
"""The place of each kind of step among those of one level, where plan.yaml does not say."""


def build_plan(context: Context, file: KnowledgeFile[schema.PlanFile] | None) -> PlanShape:
    """Build what plan.yaml says of plans; a knowledge base may do without."""
    if file is None:
        return PlanShape(kinds=_PLACES)
    content = file.content
    for level, other in [*((level, None) for level in content.most_steps), *content.soonest.items()]:
        node = file.node("most_steps" if other is None else "soonest", level)
        for name in (level, other):
            if name is not None and name not in context.levels:
                fix = did_you_mean(name, context.levels) or f"use {' or '.join(context.levels)}"
                context.problems.add(node.key_place, f"{name} is not a level of urgency", fix)
    topics = {name: Topic(name, entry.label, tuple(entry.directions)) for name, entry in content.topics.items()}
    kinds = {**_PLACES, **content.kinds}
    return PlanShape(True, content.at_top, content.measuring, content.most_steps, content.soonest, kinds, topics)


def build_next_steps(context: Context, file: KnowledgeFile[schema.NextStepFile], plan: PlanShape) -> Iterable[NextStep]:
    """Build the next steps of one file."""
    lowest = next(iter(context.levels))
    for name, entry in file.content.next_steps.items():
        node = file.node("next_steps", name)
        _check_findings(context, node, entry)
        _check_topics(context, node, entry, plan)
        level = context.read_level(node, entry.level)
        rule = build_rule(context, node, "advises", name, entry, level)
        unless = None if entry.unless is None else context.read_condition(node.at("unless"), entry.unless)
        if rule is not None:
            yield NextStep(
                id=name,
                kind=entry.kind,
                do=entry.do,
                rule=rule,
                level=level or lowest,
                answers=tuple(entry.answers),
                codes=entry.codes,
                order=plan.kinds[entry.kind] if entry.order is None else entry.order,
                unless=unless,
                first=entry.first,
                fallback=entry.fallback,
                measure=entry.measure,
                topics=entry.topics,
            )


def _check_findings(context: Context, node: Node, entry: schema.NextStepEntry) -> None:
    named = [("answers", name) for name in entry.answers]
    named += [("measure", name) for name in entry.measure.values() if name is not None]
    for key, name in named:
        if name not in context.vocabulary.findings:
            message = f"{node.id}: {name} is not a finding"
            context.problems.add(node.at(key).place, message, suggest_finding(name, context.vocabulary))


def _check_topics(context: Context, node: Node, entry: schema.NextStepEntry, plan: PlanShape) -> None:
    for name, direction in entry.topics.items():
        topic, place = plan.topics.get(name), node.at("topics", name).key_place
        if topic is None:
            fix = did_you_mean(name, plan.topics) or "declare it in plan.yaml"
            context.problems.add(place, f"{node.id}: {name} is not a topic", fix)
        elif direction not in topic.directions:
            fix = f"use {' or '.join(topic.directions)}"
            context.problems.add(place, f"{node.id}: {direction} is not a direction of {name}", fix)
