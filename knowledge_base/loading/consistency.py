"""What can be judged of a knowledge base only when everything in it is read: its order, its sentences, its manifest."""

from collections.abc import Collection, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from facts.medicines import MedicineDictionary
from facts.problems import Place, did_you_mean
from facts.vocabulary import Finding, QuantityFinding, Vocabulary
from knowledge_base.conditions.expression import Expression, Or, disjunction, names_used
from knowledge_base.conditions.templates import TemplateError, check_template
from knowledge_base.entries import KnowledgeFile, Problems, unknown_source
from knowledge_base.model import Cause, Definition, KnowledgeBase, WarningSign
from knowledge_base.schema import CauseFile, Manifest


def order_conditions(
    definitions: Mapping[str, Definition],
    conclusions: Iterable[WarningSign | Cause],
    places: Mapping[str, Place],
    problems: Problems,
) -> dict[str, Expression]:
    """Order definitions and conclusions so that each stands after what it names; a circle is a problem."""
    conditions = {name: entry.condition for name, entry in definitions.items()}
    for conclusion in conclusions:
        for_it = [rule.condition for rule in conclusion.rules if rule.kind in ("warns", "confirms", "supports")]
        conditions[conclusion.id] = disjunction(for_it) if for_it else Or(())
    graph = {name: dict.fromkeys(n for n in names_used(tree) if n in conditions) for name, tree in conditions.items()}
    try:
        return {name: conditions[name] for name in TopologicalSorter(graph).static_order()}
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        problems.add(places[circle[0]], f"{' → '.join(circle)}: these rest on each other in a circle", "break it")
        return {}


def check_because_sentences(knowledge: KnowledgeBase, problems: Problems) -> None:
    """Note the `because` sentences that quote what may be unknown when their rule fires."""
    orders = knowledge.decision_support.orders.values() if knowledge.decision_support else ()
    for rule in (*knowledge.rules.values(), *(order.rule for order in orders)):
        try:
            check_template(rule.because, rule.condition, knowledge.conditions)
        except TemplateError as error:
            problems.add(rule.place, f"{rule.id}: because: {error}", "")


def check_manifest(
    manifest: KnowledgeFile[Manifest],
    causes: Iterable[KnowledgeFile[CauseFile]],
    findings: Mapping[str, Finding],
    definitions: Collection[str],
    problems: Problems,
) -> None:
    """Note what knowledge.yaml and the rest of the knowledge say differently."""
    content = manifest.content
    for file in causes:
        category = file.content.category
        if category not in content.categories:
            fix = did_you_mean(category, content.categories) or "add it to knowledge.yaml"
            problems.add(file.node("category").place, f"the category {category} is not in knowledge.yaml", fix)
    for category in content.resemblances:
        if category not in content.categories:
            message = f"{category} is not among the categories"
            problems.add(manifest.node("resemblances").place, message, "add it to `categories`")
    for name, cuts in content.strata.items():
        finding = findings.get(name)
        if finding is None or (finding.kind == "quantity") is not bool(cuts):
            fix = "name a finding that is declared; a quantity needs the numbers to cut at, another finding none"
            problems.add(manifest.node("strata", name).key_place, f"{name} cannot split a cohort so", fix)
    for part, name in content.outline.items():
        finding = findings.get(name)
        if finding is None or finding.kind != "yes_no":
            fix = did_you_mean(name, findings) or "name one that is declared"
            problems.add(manifest.node("outline", part).place, f"{name} is not a yes-or-no finding", fix)
    complaint = content.complaint
    if complaint is not None and complaint.definition not in definitions:
        fix = did_you_mean(complaint.definition, definitions) or "declare it"
        place = manifest.node("complaint", "definition").place
        problems.add(place, f"{complaint.definition} is not a definition", fix)


def check_finding_sources(vocabulary: Vocabulary, evidence: Collection[str], problems: Problems) -> None:
    """Note the sources of reference intervals and of derived findings that evidence.yaml does not have."""
    for name, finding in vocabulary.findings.items():
        if isinstance(finding, QuantityFinding):
            for cited in (finding.reference, finding.derived):
                written = () if cited is None else cited.source
                for key in [written] if isinstance(written, str) else written:
                    if key not in evidence:
                        problems.add(vocabulary.places[name], *unknown_source(name, key, evidence))


def check_medicine_sources(medicines: MedicineDictionary, evidence: Collection[str], problems: Problems) -> None:
    """Note the sources of medicine classes that evidence.yaml does not have."""
    for name, group in medicines.classes.items():
        for key in [group.source] if isinstance(group.source, str) else group.source:
            if key not in evidence:
                problems.add(medicines.places[name], *unknown_source(name, key, evidence))
