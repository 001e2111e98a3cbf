"""Rules, and the warning signs that they show, built from what is written."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from knowledge_base import schema
from knowledge_base.entries import Context, KnowledgeFile, Node
from knowledge_base.model import Rule, RuleKind, WarningSign


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


def present(rules: Iterable[Rule | None]) -> tuple[Rule, ...]:
    """Return the rules whose conditions could be read."""
    return tuple(rule for rule in rules if rule is not None)


def build_warning_signs(context: Context, file: KnowledgeFile[schema.WarningSignFile] | None) -> dict[str, WarningSign]:
    """Build the warning signs, by id."""
    signs = file.content.warning_signs if file else {}
    return {name: _build_warning_sign(context, file.node("warning_signs", name), signs[name]) for name in signs if file}


def _build_warning_sign(context: Context, node: Node, entry: schema.WarningSignEntry) -> WarningSign:
    ranks = list(context.levels)
    least = context.read_level(node, entry.level) or ranks[0]
    look_for = None if entry.look_for is None else context.read_condition(node.at("look_for"), entry.look_for)
    rules: list[Rule | None] = []
    downgrades: list[Rule | None] = []
    for name, rule_entry in entry.rules.items():
        rule_node = node.at("rules", name)
        level = context.read_level(rule_node, rule_entry.level) or least
        if ranks.index(level) < ranks.index(least):
            message = f"{name}: {level} is lower than the {least} of {node.id}"
            context.problems.add(rule_node.at("level").place, message, "a rule may only raise the sign's level")
        own = look_for
        if rule_entry.look_for is not None:
            own = context.read_condition(rule_node.at("look_for"), rule_entry.look_for)
        rule = build_rule(context, rule_node, "warns", node.id, rule_entry, level)
        rules.append(rule and replace(rule, look_for=own))
        downgrades += _build_downgrades(context, rule_node, rule_entry, level)
    return WarningSign(node.id, entry.label, least, present(rules), node.key_place, present(downgrades))


def _build_downgrades(context: Context, node: Node, entry: schema.WarningRuleEntry, level: str) -> Iterator[Rule | None]:
    ranks = list(context.levels)
    for name, downgrade in entry.downgrades.items():
        own = node.at("downgrades", name)
        to = context.read_level(own, downgrade.to, "to") or level
        if ranks.index(to) >= ranks.index(level):
            message = f"{name}: {to} is not lower than the {level} of {node.id}"
            context.problems.add(own.at("to").place, message, "a downgrade lowers the level, or is left out")
        yield build_rule(context, own, "downgrades", node.id, downgrade, to)
