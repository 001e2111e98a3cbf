"""Rules, and what they are for: warning signs, causes, next steps and the plan that these become."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from facts.problems import did_you_mean
from knowledge_base import schema
from knowledge_base.entries import Context, KnowledgeFile, Node
from knowledge_base.model import ArgumentKind, Cause, NextStep, PlanShape, Rule, RuleKind, Topic, WarningSign
from knowledge_base.schema import StepKind

_ARGUMENT_KINDS: tuple[ArgumentKind, ...] = ("confirms", "supports", "opposes", "excludes")

_ORDER: Mapping[StepKind, int] = {"advice": 2, "referral": 3, "avoid": 4, "test": 5, "examination": 6}
"""The place of each kind of step among those of one level, where plan.yaml does not say."""


def build_rule(
    context: Context,
    node: Node,
    kind: RuleKind,
    target: str,
    entry: schema.ArgumentEntry,
    level: str | None = None,
) -> Rule | None:
    """Build the rule that stands at a node; None when its condition cannot be read."""
    place = node.key_place
    first = context.rule_places.setdefault(node.id, place)
    if first is not place:
        context.problems.add(place, f"the rule {node.id} already stands at {first}", "a rule's id is used once")
    if node.id in context.retired:
        context.problems.add(place, f"the rule id {node.id} is retired", "choose an id that was never used")
    sources = context.read_sources(node, entry.source)
    condition = context.read_condition(node.at("when"), entry.when)
    if condition is None:
        return None
    strength = entry.strength if isinstance(entry, schema.WeighedArgumentEntry) else None
    return Rule(node.id, kind, target, condition, entry.when, entry.because, sources, place, strength, level)


def build_warning_signs(context: Context, file: KnowledgeFile[schema.WarningSignFile] | None) -> dict[str, WarningSign]:
    """Build the warning signs, by id."""
    if file is None:
        return {}
    signs: dict[str, WarningSign] = {}
    for name, entry in file.content.warning_signs.items():
        node = file.node("warning_signs", name)
        least = context.read_level(node, entry.level) or next(iter(context.levels))
        looked_for = context.read_condition(node.at("look_for"), entry.look_for)
        rules: list[Rule | None] = []
        downgrades: list[Rule | None] = []
        for rule_name, rule_entry in entry.rules.items():
            rule_node = node.at("rules", rule_name)
            level = context.read_level(rule_node, rule_entry.level) or least
            if _is_lower(context, level, least):
                message = f"{rule_name}: {level} is lower than the {least} of {name}"
                context.problems.add(rule_node.at("level").place, message, "a rule may only raise the sign's level")
            own = context.read_condition(rule_node.at("look_for"), rule_entry.look_for)
            rule = build_rule(context, rule_node, "warns", name, rule_entry, level)
            rules.append(rule and replace(rule, look_for=looked_for if rule_entry.look_for is None else own))
            downgrades += build_downgrades(context, rule_node, rule_entry, level)
        signs[name] = WarningSign(name, entry.label, least, _present(rules), node.key_place, _present(downgrades))
    return signs


def build_downgrades(context: Context, node: Node, entry: schema.WarningRuleEntry, level: str) -> Iterator[Rule | None]:
    """Build what lowers the level that the warning rule at a node demands."""
    for name, downgrade in entry.downgrades.items():
        downgrade_node = node.at("downgrades", name)
        to = context.read_level(downgrade_node, downgrade.to, "to") or level
        if not _is_lower(context, to, level):
            message = f"{name}: {to} is not lower than the {level} of {node.id}"
            context.problems.add(downgrade_node.at("to").place, message, "a downgrade lowers the level, or is left out")
        yield build_rule(context, downgrade_node, "downgrades", node.id, downgrade, to)


def build_causes(context: Context, file: KnowledgeFile[schema.CauseFile]) -> Iterable[Cause]:
    """Build the causes of one file."""
    for name, entry in file.content.causes.items():
        node = file.node("causes", name)
        rules = [
            build_rule(context, node.at(kind, rule), kind, name, argument)
            for kind in _ARGUMENT_KINDS
            for rule, argument in getattr(entry, kind).items()
        ]
        if not entry.confirms and not entry.supports:
            context.problems.add(node.key_place, f"{name}: nothing speaks for it", "add `confirms` or `supports`")
        category = file.content.category
        yield Cause(name, entry.label, category, entry.codes, entry.about, _present(rules), node.key_place)


def build_next_steps(
    context: Context, file: KnowledgeFile[schema.NextStepFile], plan: PlanShape, kinds: Mapping[StepKind, int]
) -> Iterable[NextStep]:
    """Build the next steps of one file; `kinds` are the places of their kinds in the plan, as far as plan.yaml says."""
    for name, entry in file.content.next_steps.items():
        node = file.node("next_steps", name)
        _check_step_names(context, node, entry, plan)
        level = context.read_level(node, entry.level)
        rule = build_rule(context, node, "advises", name, entry, level)
        unless = context.read_condition(node.at("unless"), entry.unless)
        if rule is not None:
            yield NextStep(
                name,
                entry.kind,
                entry.do,
                rule,
                level or next(iter(context.levels)),
                tuple(entry.answers),
                entry.codes,
                order=kinds.get(entry.kind, _ORDER[entry.kind]) if entry.order is None else entry.order,
                unless=unless,
                first=entry.first,
                fallback=entry.fallback,
                measure=entry.measure,
                topics=entry.topics,
            )


def _check_step_names(context: Context, node: Node, entry: schema.NextStepEntry, plan: PlanShape) -> None:
    """Note the findings, topics and directions that a step names and that are not there."""
    named = [("answers", finding) for finding in entry.answers]
    named += [("measure", finding) for finding in entry.measure.values() if finding is not None]
    for key, finding in named:
        if finding not in context.vocabulary.findings:
            fix = context.vocabulary.suggest(finding)
            context.problems.add(node.at(key).place, f"{node.id}: {finding} is not a finding", fix)
    for name, direction in entry.topics.items():
        topic, topic_node = plan.topics.get(name), node.at("topics", name)
        if topic is None:
            fix = did_you_mean(name, plan.topics) or "declare it in plan.yaml"
            context.problems.add(topic_node.key_place, f"{node.id}: {name} is not a topic", fix)
        elif direction not in topic.directions:
            fix = f"use {' or '.join(topic.directions)}"
            context.problems.add(topic_node.place, f"{node.id}: {direction} is not a direction of {name}", fix)


def build_plan(context: Context, file: KnowledgeFile[schema.PlanFile] | None) -> PlanShape:
    """Build the shape of plans that plan.yaml declares, noting the levels that are not there."""
    content = file.content if file else schema.PlanFile()
    if file:
        _check_plan_levels(context, file)
    topics = {name: Topic(name, entry.label, tuple(entry.directions)) for name, entry in content.topics.items()}
    return PlanShape(content.at_top, content.measuring, content.most_steps, content.soonest, topics)


def _check_plan_levels(context: Context, file: KnowledgeFile[schema.PlanFile]) -> None:
    levels = [("most_steps", level, level) for level in file.content.most_steps]
    levels += [("soonest", level, name) for level, lowest in file.content.soonest.items() for name in (level, lowest)]
    for section, key, name in levels:
        if name not in context.levels:
            fix = did_you_mean(name, context.levels) or f"use {' and '.join(context.levels)}"
            context.problems.add(file.node(section, key).key_place, f"{name} is not a level of urgency", fix)


def _is_lower(context: Context, level: str, other: str) -> bool:
    ranks = list(context.levels)
    return ranks.index(level) < ranks.index(other)


def _present(rules: Iterable[Rule | None]) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if rule is not None)
