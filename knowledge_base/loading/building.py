"""From the files of a knowledge base to what is reasoned with, noting problems on the way instead of stopping at the first.

One function for each kind of entry. What can be judged only when everything is built is judged in `consistency`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from facts.problems import Place, did_you_mean
from knowledge_base import schema
from knowledge_base.conditions.expression import Scope
from knowledge_base.declarations import Complaint
from knowledge_base.entries import Context, KnowledgeFile, Node, Problems
from knowledge_base.grading import build_grading
from knowledge_base.interview import build_interview
from knowledge_base.invariants import Names, build_invariants
from knowledge_base.leaflet import build_leaflet
from knowledge_base.loading.consistency import (
    check_because_sentences,
    check_finding_sources,
    check_manifest,
    check_medicine_sources,
    order_conditions,
)
from knowledge_base.loading.knowledge_files import KnowledgeFiles
from knowledge_base.loading.plans import build_next_steps, build_plan
from knowledge_base.loading.rules import build_rule, build_warning_signs, present
from knowledge_base.model import (
    ANY_WARNING_SIGN,
    ArgumentKind,
    Cause,
    ComplaintShown,
    ContradictionRule,
    DecisionSupport,
    Definition,
    KnowledgeBase,
    OrderAdvice,
)

_ARGUMENT_KINDS: tuple[ArgumentKind, ...] = ("confirms", "supports", "opposes", "excludes")


def build_knowledge_base(files: KnowledgeFiles, problems: Problems) -> KnowledgeBase:
    """Build the knowledge base; it is fit for use only if no `problems` were noted.

    Conditions see more names from stage to stage: definitions name findings and definitions, warning signs any conclusion
    too, and all else also the warning signs as a group.
    """
    manifest, levels = files.manifest.content, files.levels.content.levels
    findings, evidence = files.vocabulary.findings, files.evidence.content.evidence
    declared = declare_names(files, problems)
    scope = Scope(findings, frozenset(declared.definitions))
    context = Context(files.vocabulary, evidence, levels, manifest.retired, scope, problems)
    definitions = build_definitions(context, declared)
    context = replace(context, scope=replace(scope, conclusions=declared.conclusions))
    signs = build_warning_signs(context, files.warning_signs)
    groups = {ANY_WARNING_SIGN: tuple(signs)} if signs else {}
    context = replace(context, scope=replace(context.scope, groups=groups))
    causes = {cause.id: cause for file in files.causes for cause in build_causes(context, file)}
    plan = build_plan(context, files.plan)
    steps = {step.id: step for file in files.next_steps for step in build_next_steps(context, file, plan)}
    grading = build_grading(files.grading, problems)
    conditions = order_conditions(definitions, (*signs.values(), *causes.values()), declared.places, problems)
    labels = {file.content.category: file.content.label for file in files.causes}
    categories = {category: labels[category] for category in manifest.categories if category in labels}
    names = Names(causes, grading.standings, steps, files.plan.content.topics if files.plan else {})
    knowledge = KnowledgeBase(
        title=manifest.title,
        version=manifest.version,
        hash=files.hash,
        complaint=manifest.complaint,
        resemblances=tuple(manifest.resemblances),
        vocabulary=files.vocabulary,
        dictionary=files.medicines,
        levels=levels,
        grading=grading,
        evidence=evidence,
        categories=categories,
        definitions={name: definitions[name] for name in conditions if name in definitions},
        causes={cause.id: cause for category in categories for cause in causes.values() if cause.category == category},
        warning_signs=signs,
        next_steps=steps,
        plan=plan,
        contradictions=build_contradictions(context, files.contradictions),
        conditions=conditions,
        strata={name: tuple(sorted(cuts)) for name, cuts in manifest.strata.items()},
        interview=build_interview(files.interview, files.medicines, context),
        leaflet=build_leaflet(
            context,
            files.leaflet,
            {"causes": causes, "warning_signs": signs, "next_steps": steps, "standings": grading.standings},
        ),
        outline={str(part): name for part, name in manifest.outline.items()},
        decision_support=build_decision_support(context, files.decision_support, manifest.complaint),
        invariants=build_invariants(context, files.invariants, names),
        certificate=files.certificate,
        files=files.names,
    )
    check_manifest(files.manifest, files.causes, findings, declared.definitions, problems)
    if files.has_own_medicines:
        check_medicine_sources(files.medicines, evidence, problems)
    if files.has_own_findings:
        check_finding_sources(files.vocabulary, evidence, problems)
    if not problems:
        check_because_sentences(knowledge, problems)
    return knowledge


# Names


@dataclass(frozen=True, slots=True)
class Declared:
    """Every name that is declared, with its place: findings, definitions, causes and warning signs share one namespace."""

    places: Mapping[str, Place]
    definitions: Mapping[str, tuple[Node, schema.DefinitionEntry]]
    conclusions: frozenset[str]


def declare_names(files: KnowledgeFiles, problems: Problems) -> Declared:
    """Collect the names of everything, and note those that stand twice; the first of two counts."""
    places = dict(files.vocabulary.places)

    def declare(node: Node) -> bool:
        place = node.key_place
        first = places.setdefault(node.id, place)
        if first is not place:
            problems.add(place, f"the name {node.id} already stands at {first}", "choose another")
        if node.id == ANY_WARNING_SIGN:
            problems.add(place, f"the name {node.id} stands for all warning signs", "choose another")
        return first is place

    defining: list[KnowledgeFile[schema.DefinitionFile] | KnowledgeFile[schema.CauseFile]] = [*files.causes]
    if files.definitions:
        defining.insert(0, files.definitions)
    entries = [(file.node("definitions", name), entry) for file in defining for name, entry in file.content.definitions.items()]
    definitions = {node.id: (node, entry) for node, entry in entries if declare(node)}
    signs, causes = files.warning_signs, files.causes
    concluding = [signs.node("warning_signs", name) for name in signs.content.warning_signs] if signs else []
    concluding += [file.node("causes", name) for file in causes for name in file.content.causes]
    return Declared(places, definitions, frozenset(node.id for node in concluding if declare(node)))


def build_definitions(context: Context, declared: Declared) -> dict[str, Definition]:
    """Build the definitions that were declared, by id."""
    definitions: dict[str, Definition] = {}
    for name, (node, entry) in declared.definitions.items():
        condition = context.read_condition(node.at("when"), entry.when)
        says = (entry.says[0], entry.says[1])
        sources = context.read_sources(node, entry.source)
        if condition is not None:
            definitions[name] = Definition(name, entry.label, condition, entry.when, says, sources, node.key_place)
    return definitions


# Rules, and what they conclude


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
        yield Cause(name, entry.label, category, entry.codes, entry.about, present(rules), node.key_place)


def build_contradictions(
    context: Context, file: KnowledgeFile[schema.ContradictionFile] | None
) -> dict[str, ContradictionRule]:
    """Build the contradictions, by id."""
    if file is None:
        return {}
    contradictions: dict[str, ContradictionRule] = {}
    for name, entry in file.content.contradictions.items():
        node = file.node("contradictions", name)
        condition = context.read_condition(node.at("when"), entry.when)
        if condition is not None:
            contradictions[name] = ContradictionRule(name, condition, entry.because, node.key_place)
    return contradictions


def build_decision_support(
    context: Context, file: KnowledgeFile[schema.DecisionSupportFile] | None, complaint: Complaint | None
) -> DecisionSupport | None:
    """Build what clinical systems are told; None when nothing is."""
    if file is None:
        return None
    content, shown = file.content, file.content.complaint
    if complaint is None:
        message = "cards are about a complaint, and knowledge.yaml declares none"
        context.problems.add(file.node("complaint").key_place, message, "declare `complaint` there")
    by_level: tuple[tuple[str, Mapping[str, str]], ...] = (
        ("indicators", content.indicators),
        ("priorities", content.priorities),
    )
    for section, told in by_level:
        _check_every_level(context, file.node(section), told)
    condition = None if shown.when is None else context.read_condition(file.node("complaint", "when"), shown.when)
    orders: dict[str, OrderAdvice] = {}
    for name, entry in content.orders.items():
        rule = build_rule(context, file.node("orders", name), "advises", name, entry)
        if rule is not None:
            orders[name] = OrderAdvice(entry.summary, entry.indicator, rule)
    return DecisionSupport(
        content.services,
        ComplaintShown(condition, shown.codes, tuple(shown.phrases), tuple(shown.not_with)),
        content.readings_within_days,
        content.indicators,
        content.priorities,
        orders,
        content.override_reasons,
    )


def _check_every_level(context: Context, section: Node, told: Mapping[str, str]) -> None:
    """Note the levels of urgency that a section does not know, or that there are not."""
    for level in told:
        if level not in context.levels:
            fix = did_you_mean(level, context.levels) or f"use {' and '.join(context.levels)}"
            context.problems.add(section.at(level).key_place, f"{level} is not a level of urgency", fix)
    if missing := [level for level in context.levels if level not in told]:
        context.problems.add(section.key_place, f"{section.id}: nothing for {' and '.join(missing)}", "add it")
