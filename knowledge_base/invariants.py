"""What must hold of every possible patient, as declared in invariants.yaml; `expert.proofs.statements` says how to prove it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from facts.problems import Place, did_you_mean
from facts.vocabulary import Finding
from knowledge_base.conditions.expression import Expression

if TYPE_CHECKING:
    from knowledge_base.entries import Context, KnowledgeFile, Node
    from knowledge_base.schema import InvariantEntry, InvariantFile, TopicEntry


@dataclass(frozen=True, slots=True)
class Invariant:
    """A statement about every patient for whom `when` is true (None: about every patient) and `unless` is not.

    Each part that is given must hold then: the urgency is `at_least` a level, `always` is true, `never` is not true, each
    cause has, or has not, one of these standings, each of the steps is advised, and an interview `asks` for these findings
    while the urgency is below the level.
    """

    id: str
    says: str
    when: Expression | None
    unless: Expression | None
    at_least: str | None
    always: Expression | None
    never: Expression | None
    standing: Mapping[str, tuple[str, ...]]
    not_standing: Mapping[str, tuple[str, ...]]
    advises: tuple[str, ...]
    asks: Mapping[str, tuple[str, ...]]
    place: Place


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions that belong together: of which no two hold at once, or, as bands of a quantity, always exactly one."""

    id: str
    conditions: Mapping[str, Expression]
    place: Place


@dataclass(frozen=True, slots=True)
class Worse:
    """A finding whose values run from better to worse: "higher", "lower", or its values in that order.

    Nothing is said of patients for whom `unless` is true of the worse value.
    """

    finding: str
    order: str | tuple[str | bool, ...]
    unless: Expression | None
    place: Place


@dataclass(frozen=True, slots=True)
class Guard:
    """Where `when` is known to hold, no step is shown that speaks of one of these topics in this direction."""

    id: str
    says: str
    when: Expression
    never: Mapping[str, str]
    place: Place


@dataclass(frozen=True, slots=True)
class Accepted:
    """Something that a proof finds and that is meant, and why."""

    property: str
    subject: str
    reason: str
    place: Place


@dataclass(frozen=True, slots=True)
class Invariants:
    """Everything that is to be proved beyond what must hold of any knowledge base."""

    statements: Mapping[str, Invariant] = field(default_factory=dict)
    exclusive: Mapping[str, Group] = field(default_factory=dict)
    bands: Mapping[str, Group] = field(default_factory=dict)
    worse: Mapping[str, Worse] = field(default_factory=dict)
    guards: Mapping[str, Guard] = field(default_factory=dict)
    accepted: tuple[Accepted, ...] = ()

    @property
    def conditions(self) -> list[Expression]:
        """Every condition that is part of them."""
        entries = self.statements.values()
        written = [tree for entry in entries for tree in (entry.when, entry.unless, entry.always, entry.never)]
        groups = (*self.exclusive.values(), *self.bands.values())
        written += [guard.when for guard in self.guards.values()] + [worse.unless for worse in self.worse.values()]
        return [tree for tree in written if tree is not None] + [tree for group in groups for tree in group.conditions.values()]


@dataclass(frozen=True)
class Names:
    """What invariants may name besides findings and levels of urgency: causes, standings, next steps and their topics."""

    causes: Iterable[str]
    standings: Iterable[str]
    steps: Iterable[str]
    topics: "Mapping[str, TopicEntry]"


def build_invariants(context: "Context", file: "KnowledgeFile[InvariantFile] | None", names: Names) -> Invariants:
    """Build the invariants that invariants.yaml declares, noting what is wrong in them."""
    if file is None:
        return Invariants()
    content = file.content
    for node, name, known, kind in _unknown(context, file, names):
        fix = did_you_mean(name, known) or f"use one of: {', '.join(known)}"
        context.problems.add(node.place, f"{name} is not a {kind}", fix)
    return Invariants(
        statements={
            name: _build_invariant(context, file.node("invariants", name), entry) for name, entry in content.invariants.items()
        },
        exclusive={
            name: _build_group(context, file.node("exclusive", name), texts) for name, texts in content.exclusive.items()
        },
        bands={name: _build_group(context, file.node("bands", name), texts) for name, texts in content.bands.items()},
        worse={name: _build_worse(context, file, name, order) for name, order in content.worse.items()},
        guards=_build_guards(context, file),
        accepted=tuple(
            Accepted(kind, subject, reason, file.node("accepted", kind, subject).key_place)
            for kind, reasons in content.accepted.items()
            for subject, reason in reasons.items()
        ),
    )


def _unknown(
    context: "Context", file: "KnowledgeFile[InvariantFile]", names: Names
) -> "Iterator[tuple[Node, str, list[str], str]]":
    """Return every name that is not there: where it stands, what could stand there, and what kind of name that is."""
    findings, levels = list(context.vocabulary.findings), list(context.levels)
    causes, standings, steps = list(names.causes), list(names.standings), list(names.steps)
    for section, named in (("bands", file.content.bands), ("worse", file.content.worse)):
        yield from ((file.node(section, name), name, findings, "finding") for name in named if name not in findings)
    for name in file.content.worse_unless:
        if name not in file.content.worse:
            yield file.node("worse_unless", name), name, list(file.content.worse), "finding in `worse`"
    for guard, guarding in file.content.guards.items():
        for topic, direction in guarding.never.items():
            node = file.node("guards", guard, "never", topic)
            if topic not in names.topics:
                yield node, topic, list(names.topics), "topic"
            elif direction not in names.topics[topic].directions:
                yield node, direction, list(names.topics[topic].directions), f"direction of {topic}"
    for name, entry in file.content.invariants.items():
        node = file.node("invariants", name)
        if entry.at_least is not None and entry.at_least not in levels:
            yield node.at("at_least"), entry.at_least, levels, "level of urgency"
        yield from ((node.at("advises"), step, steps, "next step") for step in entry.advises if step not in steps)
        for level, asked in entry.asks.items():
            if level not in levels:
                yield node.at("asks", level), level, levels, "level of urgency"
            yield from ((node.at("asks", level), one, findings, "finding") for one in asked if one not in findings)
        for part, demanded in (("standing", entry.standing), ("not_standing", entry.not_standing)):
            for cause, listed in demanded.items():
                if cause not in causes:
                    yield node.at(part, cause), cause, causes, "cause"
                yield from ((node.at(part, cause), one, standings, "standing") for one in listed if one not in standings)


def _build_guards(context: "Context", file: "KnowledgeFile[InvariantFile]") -> dict[str, Guard]:
    guards: dict[str, Guard] = {}
    for name, entry in file.content.guards.items():
        node = file.node("guards", name)
        context.read_sources(node, entry.source)
        when = context.read_condition(node.at("when"), entry.when)
        if when is not None:
            guards[name] = Guard(name, entry.says, when, entry.never, node.key_place)
    return guards


def _build_invariant(context: "Context", node: "Node", entry: "InvariantEntry") -> Invariant:
    def condition(part: str, text: str | None) -> Expression | None:
        return None if text is None else context.read_condition(node.at(part), text)

    context.read_sources(node, entry.source)
    return Invariant(
        id=node.id,
        says=entry.says,
        when=condition("when", entry.when),
        unless=condition("unless", entry.unless),
        at_least=entry.at_least,
        always=condition("always", entry.always),
        never=condition("never", entry.never),
        standing={cause: tuple(listed) for cause, listed in entry.standing.items()},
        not_standing={cause: tuple(listed) for cause, listed in entry.not_standing.items()},
        advises=tuple(entry.advises),
        asks={level: tuple(asked) for level, asked in entry.asks.items()},
        place=node.key_place,
    )


def _build_group(context: "Context", node: "Node", texts: list[str]) -> Group:
    parsed = {text: context.read_condition(node.at(index), text) for index, text in enumerate(texts)}
    return Group(node.id, {text: tree for text, tree in parsed.items() if tree is not None}, node.key_place)


def _build_worse(context: "Context", file: "KnowledgeFile[InvariantFile]", name: str, written: str | list[str]) -> Worse:
    node, exception = file.node("worse", name), file.content.worse_unless.get(name)
    finding = context.vocabulary.findings.get(node.id)
    order = _order(finding, written)
    if finding is not None and not _orders(finding, order):
        fix = "write higher or lower for a quantity, the choices in order for a choice, [no, yes] for another finding"
        told = written if isinstance(written, str) else f"[{', '.join(written)}]"
        context.problems.add(node.place, f"{told} is no order of the values of {node.id}", fix)
    unless = None if exception is None else context.read_condition(file.node("worse_unless", name), exception)
    return Worse(node.id, order, unless, node.key_place)


def _order(finding: Finding | None, written: str | list[str]) -> str | tuple[str | bool, ...]:
    if isinstance(written, str):
        return written
    if finding is None or finding.kind != "yes_no":
        return tuple(written)
    return tuple(_ANSWERS.get(name, name) for name in written)


_ANSWERS = {"no": False, "yes": True}


def _orders(finding: Finding, order: str | tuple[str | bool, ...]) -> bool:
    if finding.kind == "quantity":
        return order in ("higher", "lower")
    values: list[str | bool] = list(finding.choices) if finding.kind == "choice" else [False, True]
    return isinstance(order, tuple) and sorted(map(str, order)) == sorted(map(str, values))
