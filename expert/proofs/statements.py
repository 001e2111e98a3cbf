"""What is to be proved of a knowledge base: every statement with the formulas that no patient may meet, or that some must.

Most statements are about patients of whom anything may be known or unknown, which includes those of whom all is known. A
statement that fails names the place that is at fault and says in English what is wrong.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import combinations, permutations
from typing import Any, TypeAlias

from expert.proofs.connectives import Formula, any_of, both, negation, same
from expert.proofs.formulas import Formulas, Patient
from expert.proofs.monotonicity import Later, Opaque, better_and_worse
from expert.proofs.plan_statements import asked, concerned, contradiction, first_action, guard, looked_for, screened
from expert.proofs.statement import Statement
from facts.problems import Place
from knowledge_base.conditions.expression import leaves, names_used
from knowledge_base.invariants import Group, Invariant
from knowledge_base.model import Cause, KnowledgeBase, Rule, WarningSign

_Pairing: TypeAlias = Callable[[tuple[Rule, ...], int], Iterator[Any]]


def statements(formulas: Formulas, without: Collection[str] = ()) -> Iterator[Statement]:
    """Return everything that is to be proved, property by property, but for the properties `without`."""
    for name, give in PROPERTIES.items():
        if name not in without:
            yield from give(formulas)


def dead(formulas: Formulas) -> Iterator[Statement]:
    """Every rule, definition, warning sign and cause is met by some patient."""
    knowledge, fix = formulas.knowledge, "correct its condition, or remove it"
    for rule in knowledge.rules.values():
        says = f"the rule {rule.id} fires for no patient"
        yield Statement("dead", rule.id, rule.place, says, fix, "possible", (formulas.fires(rule.id),))
    for definition in knowledge.definitions.values():
        for truth, told in ((True, "holds for no patient"), (False, "holds for every patient of whom enough is known")):
            formula = (formulas.true if truth else formulas.false)(definition.condition)
            says = f"the definition {definition.id} {told}"
            yield Statement("dead", definition.id, definition.place, says, fix, "possible", (formula,))
    for conclusion in _conclusions(knowledge):
        formula = formulas.true(knowledge.conditions[conclusion.id])
        says = f"nothing can speak for {conclusion.id}"
        yield Statement("dead", conclusion.id, conclusion.place, says, fix, "possible", (formula,))


def duplicate(formulas: Formulas) -> Iterator[Statement]:
    """No two rules with one effect fire for exactly the same patients."""
    for first, second in _pairs(formulas.knowledge, combinations):
        if _effect(first) == _effect(second):
            apart = negation(same(formulas.fires(first.id), formulas.fires(second.id)))
            says = f"{second.id} fires exactly when {first.id} does ({first.place}), to the same effect"
            yield Statement("duplicate", second.id, second.place, says, "keep one of them", "possible", (apart,))


def redundant(formulas: Formulas) -> Iterator[Statement]:
    """No warning or deciding argument fires only where one to the same effect does."""
    for rule, other in _pairs(formulas.knowledge, permutations):
        decides = rule.kind in ("warns", "confirms", "excludes")
        if decides and _effect(rule) == _effect(other):
            yield _implied("redundant", formulas, rule, other, "decides the same")


def shadowed(formulas: Formulas) -> Iterator[Statement]:
    """No rule fires only where another of its sign or cause decides more."""
    rank = formulas.knowledge.level_rank
    for rule, other in _pairs(formulas.knowledge, permutations):
        warns = rule.level is not None and other.level is not None and rank[other.level] > rank[rule.level]
        weighs = rule.strength is not None and other.kind == _DECIDES.get(rule.kind)
        if warns or weighs:
            yield _implied("shadowed", formulas, rule, other, f"demands {other.level}" if warns else f"{other.kind} the cause")


_DECIDES = {"supports": "confirms", "opposes": "excludes"}


def _implied(kind: str, formulas: Formulas, rule: Rule, other: Rule, told: str) -> Statement:
    alone = (formulas.fires(rule.id), negation(formulas.fires(other.id)))
    says = f"{rule.id} fires only where {other.id} fires, which {told} ({other.place})"
    fix = f"remove it, or say in {_ACCEPTED} why it stays"
    return Statement(kind, rule.id, rule.place, says, fix, "possible", alone)


_ACCEPTED = "`accepted` of invariants.yaml"


def _pairs(knowledge: KnowledgeBase, pairs: _Pairing) -> Iterator[tuple[Rule, Rule]]:
    for conclusion in _conclusions(knowledge):
        yield from pairs(conclusion.rules, 2)


def _conclusions(knowledge: KnowledgeBase) -> tuple[WarningSign | Cause, ...]:
    return (*knowledge.warning_signs.values(), *knowledge.causes.values())


def _effect(rule: Rule) -> tuple[str, str | None]:
    return rule.counts_as, rule.level


def conflict(formulas: Formulas) -> Iterator[Statement]:
    """No patient has a cause both confirmed and excluded."""
    for cause in formulas.knowledge.causes.values():
        both = tuple(
            any_of([formulas.fires(rule.id) for rule in cause.rules if rule.kind == kind]) for kind in ("confirms", "excludes")
        )
        says = f"one patient can have {cause.id} both confirmed and excluded"
        fix = f"let one argument yield to the other, or say in {_ACCEPTED} why both stand"
        yield Statement("conflict", cause.id, cause.place, says, fix, "impossible", both)


def exclusive(formulas: Formulas) -> Iterator[Statement]:
    """No patient has two of the conditions that are declared exclusive."""
    for group in formulas.knowledge.invariants.exclusive.values():
        yield from _never_two("exclusive", group, formulas)


def band(formulas: Formulas) -> Iterator[Statement]:
    """Every exact value of a banded finding lies in one band, and no value in two."""
    for group in formulas.knowledge.invariants.bands.values():
        yield from _never_two("band", group, formulas)
        outside = [negation(formulas.true(tree)) for tree in group.conditions.values()]
        in_none = (formulas.patient.known[group.id], formulas.patient.exact(group.id), *outside)
        says = f"a value of {group.id} lies in no band"
        yield Statement("band", group.id, group.place, says, "close the gap", "impossible", in_none)


def _never_two(kind: str, group: Group, formulas: Formulas) -> Iterator[Statement]:
    for (first, tree), (second, other) in combinations(group.conditions.items(), 2):
        says = f"{group.id}: one patient can have both `{first}` and `{second}`"
        both = (formulas.true(tree), formulas.true(other))
        yield Statement(kind, group.id, group.place, says, "make them exclude each other", "impossible", both)


def gap(formulas: Formulas) -> Iterator[Statement]:
    """Of every patient with the complaint something is said, or could be."""
    knowledge = formulas.knowledge
    if knowledge.complaint is None:
        return
    definition = knowledge.definitions[knowledge.complaint.definition]
    silent = tuple(formulas.false(rule.condition) for rule in knowledge.rules.values())
    says = f"of one patient with {knowledge.complaint.label}, nothing at all is said"
    fix = "add a next step, or a cause, for such a patient"
    formula = (formulas.true(definition.condition), *silent)
    yield Statement("gap", definition.id, definition.place, says, fix, "impossible", formula)


def never_unsaid(formulas: Formulas) -> Iterator[Statement]:
    """What is true or false of a patient stays so whatever else becomes known.

    Proved condition by condition: what a condition names is any three-valued thing that itself stays as it is.
    """
    knowledge = formulas.knowledge
    conditions = {**knowledge.conditions, **{rule.id: rule.condition for rule in knowledge.rules.values()}}
    later = Later(formulas.patient)
    for name, tree in conditions.items():
        findings, names = dict.fromkeys(leaf.finding for leaf in leaves(tree)), dict.fromkeys(names_used(tree))
        opaque = Opaque(formulas.patient, later, findings, names)
        changed = (*opaque.more_is_known, any_of([opaque.unsaid(tree, truth) for truth in (True, False)]))
        rule = knowledge.rules.get(name)
        place = rule.place if rule else _place(knowledge, name)
        says = f"more knowledge can unsay {name}"
        yield Statement("never_unsaid", name, place, says, "report this: the language forbids it", "impossible", changed)


def _place(knowledge: KnowledgeBase, name: str) -> Place:
    declared = knowledge.definitions.get(name) or knowledge.warning_signs.get(name) or knowledge.causes[name]
    return declared.place


def monotone(formulas: Formulas) -> Iterator[Statement]:
    """No further answer, and no worsening of an ordered finding, lowers the urgency."""
    yield from _more_answers(formulas)
    knowledge = formulas.knowledge
    for worse in knowledge.invariants.worse.values():
        finding = knowledge.vocabulary.findings[worse.finding]
        then = Patient({worse.finding: finding}, "then ")
        pairs = list(zip(formulas.patient.variables(worse.finding), then.variables(worse.finding), strict=True))
        ordered = [*better_and_worse(formulas.patient, then, worse.finding, worse.order), *formulas.still_possible(pairs)]
        if worse.unless is not None:
            ordered.append(negation(formulas.with_other(formulas.true(worse.unless), pairs)))
        for level in list(knowledge.levels)[1:]:
            now = formulas.urgency_at_least(level)
            later = formulas.with_other(now, pairs)
            lowered = (*ordered, now, negation(later))
            says = f"{worse.finding} can get worse and the urgency fall below {level}"
            fix = "correct the rules that its better value fires, or its order in `worse` of invariants.yaml"
            second = (worse.finding, then)
            yield Statement("monotone", worse.finding, worse.place, says, fix, "impossible", lowered, second)


def _more_answers(formulas: Formulas) -> Iterator[Statement]:
    knowledge = formulas.knowledge
    opaque = Opaque(formulas.patient, Later(formulas.patient), knowledge.vocabulary.findings, ())
    for level in list(knowledge.levels)[1:]:
        now = formulas.urgency_at_least(level)
        # What answers a concern may lower the urgency; nothing else may.
        answering = [formulas.true(rule.condition) for rules in knowledge.downgrades.values() for rule in rules]
        nothing_new = [negation(both(negation(f), formulas.with_other(f, opaque.pairs))) for f in answering]
        lowered = (*opaque.more_is_known, now, *nothing_new, negation(formulas.with_other(now, opaque.pairs)))
        says = f"an answer that answers no concern can lower the urgency below {level}"
        place = next(iter(knowledge.warning_signs.values())).place if knowledge.warning_signs else Place("urgency.yaml")
        yield Statement("monotone", level, place, says, "report this: the language forbids it", "impossible", lowered)


def invariant(formulas: Formulas) -> Iterator[Statement]:
    """Every statement of invariants.yaml holds."""
    for entry in formulas.knowledge.invariants.statements.values():
        when = concerned(entry, formulas)
        for told, broken in _broken(entry, formulas):
            says = f"{entry.id} does not hold ({entry.says}): {told}"
            fix = "correct the rules, or the invariant"
            yield Statement("invariant", entry.id, entry.place, says, fix, "impossible", (*when, broken))
        if when:
            says = f"{entry.id} says nothing ({entry.says}): no patient meets its condition"
            yield Statement("invariant", entry.id, entry.place, says, "correct its `when`", "possible", when)


def _broken(entry: Invariant, formulas: Formulas) -> Iterator[tuple[str, Formula]]:
    if entry.at_least is not None:
        yield f"the urgency can be below {entry.at_least}", negation(formulas.urgency_at_least(entry.at_least))
    if entry.always is not None:
        yield "what it demands can fail", negation(formulas.true(entry.always))
    if entry.never is not None:
        yield "what it forbids can be", formulas.true(entry.never)
    for cause, listed in entry.standing.items():
        yield f"{cause} can have another standing than {' or '.join(listed)}", negation(formulas.standing(cause, listed))
    for cause, listed in entry.not_standing.items():
        yield f"{cause} can be {' or '.join(listed)}", formulas.standing(cause, listed)
    for step in entry.advises:
        yield f"{step} may not be advised", negation(formulas.fires(step))


PROPERTIES: Mapping[str, Callable[[Formulas], Iterator[Statement]]] = {
    give.__name__: give
    for give in (
        dead,
        duplicate,
        redundant,
        shadowed,
        conflict,
        exclusive,
        band,
        gap,
        never_unsaid,
        monotone,
        invariant,
        contradiction,
        guard,
        first_action,
        asked,
        looked_for,
        screened,
    )
}
