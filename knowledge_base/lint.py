"""What is legal but probably not meant: checks over a loaded knowledge base, each a small function named for what it finds."""

from collections.abc import Callable, Iterator

from facts.problems import Place, Problem
from knowledge_base.conditions.expression import Expression, leaves, names_used
from knowledge_base.interview import told_by_lists
from knowledge_base.model import KnowledgeBase


def lint(knowledge: KnowledgeBase) -> list[Problem]:
    """Run every check; gives the problems in order of place."""
    return sorted(problem for check in CHECKS for problem in check(knowledge))


def unused_definitions(knowledge: KnowledgeBase) -> Iterator[Problem]:
    """Find definitions that no condition names: left over, or forgotten in a rule."""
    used = {name for condition in _all_conditions(knowledge) for name in names_used(condition)}
    if knowledge.complaint:
        used.add(knowledge.complaint.definition)
    for definition in knowledge.definitions.values():
        if definition.id not in used:
            yield Problem(definition.place, f"nothing uses the definition {definition.id}", "use it or remove it")


def idle_medicine_classes(knowledge: KnowledgeBase) -> Iterator[Problem]:
    """Find medicine classes without a medicine, and those that decide no finding."""
    used = {name for medicine in knowledge.dictionary.medicines.values() for name in medicine.classes}
    for name, group in knowledge.dictionary.classes.items():
        place = knowledge.dictionary.places[name]
        if name not in used:
            yield Problem(place, f"no medicine is in the class {name}", "add its medicines or remove it")
        if not group.current and not group.stopped:
            yield Problem(place, f"the class {name} decides no finding", "give it `current` or `stopped`")


def findings_nobody_asks_for(knowledge: KnowledgeBase) -> Iterator[Problem]:
    """Find findings that no screen asks for, no medicine list tells, and from which nothing that is asked for is computed."""
    asked = {name for screen in knowledge.interview.screens.values() for name in screen.ask}
    asked |= told_by_lists(knowledge.vocabulary, knowledge.dictionary)
    asked |= {name for finding in knowledge.vocabulary.derived if finding.derived for name in finding.derived.inputs}
    for name in knowledge.vocabulary.findings:
        if name not in asked:
            yield Problem(
                knowledge.vocabulary.places[name], f"no screen asks for {name}", "add it to a screen of interview.yaml"
            )


def sources_given_twice(knowledge: KnowledgeBase) -> Iterator[Problem]:
    """Find rules that cite one source twice."""
    for rule in knowledge.rules.values():
        if len(set(rule.sources)) < len(rule.sources):
            yield Problem(rule.place, f"{rule.id} cites a source twice", "cite it once")


def repeated_arguments(knowledge: KnowledgeBase) -> Iterator[Problem]:
    """Find two rules with the same condition and effect on the same target: one argument counted twice."""
    seen: dict[tuple[str, str, Expression], str] = {}
    for rule in knowledge.rules.values():
        if rule.kind == "advises":
            continue
        first = seen.setdefault((rule.kind, rule.target, rule.condition), rule.id)
        if first != rule.id:
            yield Problem(rule.place, f"{rule.id} has the same condition as {first}", "keep one of them")


def arguments_for_and_against_alike(knowledge: KnowledgeBase) -> Iterator[Problem]:
    """Find causes for and against which one condition speaks."""
    for cause in knowledge.causes.values():
        for_it = {rule.condition: rule.id for rule in cause.rules if rule.kind in ("confirms", "supports")}
        for rule in cause.rules:
            if rule.kind in ("opposes", "excludes") and rule.condition in for_it:
                message = f"{rule.id} speaks against {cause.id} when {for_it[rule.condition]} speaks for it"
                yield Problem(rule.place, message, "decide which of them is meant")


def sentences_without_end(knowledge: KnowledgeBase) -> Iterator[Problem]:
    """Find `because` and `do` sentences that do not end as sentences, and clauses that do."""
    for rule in knowledge.rules.values():
        if not rule.because.rstrip().endswith((".", "!", "?")):
            yield Problem(rule.place, f"{rule.id}: `because` is not a full sentence", "end it with a full stop")
    for step in knowledge.next_steps.values():
        if not step.do.rstrip().endswith("."):
            yield Problem(step.rule.place, f"{step.id}: `do` is not a full sentence", "end it with a full stop")
    for name, clause in _clauses(knowledge):
        if clause.endswith(".") or clause[:2].istitle():
            place = knowledge.vocabulary.places.get(name) or _definition_place(knowledge, name)
            yield Problem(place, f"{name}: {clause!r} is not a clause", "begin it small and leave out the full stop")


def questions_without_mark(knowledge: KnowledgeBase) -> Iterator[Problem]:
    """Find questions that do not end as questions."""
    for name, finding in knowledge.vocabulary.findings.items():
        if not finding.question.rstrip().endswith("?"):
            yield Problem(knowledge.vocabulary.places[name], f"{name}: the question has no question mark", "ask a question")


def orders_that_no_medicine_meets(knowledge: KnowledgeBase) -> Iterator[Problem]:
    """Find order rules on something else than what medicines on a list tell: of a draft order nothing more is known."""
    support = knowledge.decision_support
    for rule in (order.rule for order in support.orders.values()) if support else ():
        asked = set(_findings_behind(rule.condition, knowledge))
        if strange := sorted(asked.difference(knowledge.dictionary.current_findings)):
            message = f"{rule.id}: no medicine class tells {', '.join(strange)}, and a draft order tells nothing else"
            yield Problem(rule.place, message, "name findings that are `current` of a medicine class")


def units_that_cannot_be_converted(knowledge: KnowledgeBase) -> Iterator[Problem]:
    """Find quantities with an accepted unit that does not lead to their own."""
    from facts.measuring.units import UnitError, converter

    for name, finding in knowledge.vocabulary.findings.items():
        if finding.kind == "quantity":
            for unit in (finding.unit, *finding.accepts):
                try:
                    converter(finding, unit)
                except UnitError as error:
                    fix = "correct the unit, or give `molar_mass` or `valence`"
                    yield Problem(knowledge.vocabulary.places[name], f"{name}: {error}", fix)


def _clauses(knowledge: KnowledgeBase) -> Iterator[tuple[str, str]]:
    for name, finding in knowledge.vocabulary.findings.items():
        if finding.kind == "yes_no":
            yield from ((name, clause) for clause in (finding.present, finding.absent))
        elif finding.kind == "choice":
            yield from ((name, clause) for clause in finding.choices.values())
    for definition in knowledge.definitions.values():
        yield from ((definition.id, clause) for clause in definition.says)


def _findings_behind(condition: Expression, knowledge: KnowledgeBase) -> Iterator[str]:
    yield from (leaf.finding for leaf in leaves(condition))
    for name in names_used(condition):
        if name in knowledge.conditions:
            yield from _findings_behind(knowledge.conditions[name], knowledge)


def _definition_place(knowledge: KnowledgeBase, name: str) -> Place:
    return knowledge.definitions[name].place


def _all_conditions(knowledge: KnowledgeBase) -> Iterator[Expression]:
    yield from (definition.condition for definition in knowledge.definitions.values())
    yield from (rule.condition for rule in knowledge.rules.values())
    yield from (rule.look_for for rule in knowledge.rules.values() if rule.look_for is not None)
    yield from knowledge.interview.only_if.values()
    yield from (step.unless for step in knowledge.next_steps.values() if step.unless is not None)
    yield from (entry.condition for entry in knowledge.contradictions.values())
    if support := knowledge.decision_support:
        yield from (order.rule.condition for order in support.orders.values())
        if support.complaint.condition is not None:
            yield support.complaint.condition


def no_plain_words(knowledge: KnowledgeBase) -> Iterator[Problem]:
    """Find causes, warning signs and next steps of which leaflet.yaml has no words for patients, where there is one."""
    leaflet = knowledge.leaflet
    if leaflet is None:
        return
    told = {*leaflet.causes, *leaflet.warning_signs, *leaflet.you, *leaflet.doctor, *leaflet.not_told}
    named = {
        **{name: cause.place for name, cause in knowledge.causes.items()},
        **{name: sign.place for name, sign in knowledge.warning_signs.items()},
        **{name: step.rule.place for name, step in knowledge.next_steps.items()},
    }
    for name, place in named.items():
        if name not in told:
            yield Problem(place, f"patients are told nothing of {name}", "add it to leaflet.yaml")


CHECKS: tuple[Callable[[KnowledgeBase], Iterator[Problem]], ...] = (
    unused_definitions,
    idle_medicine_classes,
    findings_nobody_asks_for,
    sources_given_twice,
    repeated_arguments,
    arguments_for_and_against_alike,
    sentences_without_end,
    questions_without_mark,
    orders_that_no_medicine_meets,
    units_that_cannot_be_converted,
    no_plain_words,
)
