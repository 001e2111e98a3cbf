"""One entry of the knowledge base told in English: what `charley knowledge show` prints, for whoever checks knowledge."""

import textwrap
from collections.abc import Iterator
from itertools import islice

from facts.problems import UnknownName, did_you_mean
from facts.vocabulary import Finding, QuantityFinding
from knowledge_base.conditions.expression import Expression, leaves, names_used
from knowledge_base.model import Cause, Definition, KnowledgeBase, NextStep, OrderAdvice, Rule, WarningSign
from reports.arranged.view import codes_text
from reports.words.citations import citation
from reports.words.wording import quantity_text, range_clause, sentence, tell


def describe(name: str, knowledge: KnowledgeBase) -> str:
    """Describe a finding, definition, cause, warning sign, rule, next step, source or medicine. Raises UnknownName."""
    return "\n".join(textwrap.fill(line, 96, subsequent_indent=_indent(line)) for line in _lines(name, knowledge))


def _lines(name: str, knowledge: KnowledgeBase) -> Iterator[str]:
    if name in knowledge.vocabulary.findings:
        return _finding(knowledge.vocabulary.findings[name], knowledge)
    if name in knowledge.definitions:
        return _definition(knowledge.definitions[name], knowledge)
    if name in knowledge.causes:
        return _cause(knowledge.causes[name], knowledge)
    if name in knowledge.warning_signs:
        return _sign(knowledge.warning_signs[name], knowledge)
    if name in knowledge.next_steps:
        return _step(knowledge.next_steps[name], knowledge)
    if name in knowledge.rules:
        return _rule(knowledge.rules[name], knowledge)
    if knowledge.decision_support and name in knowledge.decision_support.orders:
        return _order(knowledge.decision_support.orders[name], knowledge)
    if name in knowledge.evidence:
        return _source(name, knowledge)
    recognition = knowledge.dictionary.recognize(name)
    if recognition.medicines and not recognition.doubt:
        return _medicines(recognition.medicines, knowledge)
    known = {
        *knowledge.vocabulary.findings,
        *knowledge.conditions,
        *knowledge.rules,
        *(knowledge.decision_support.orders if knowledge.decision_support else ()),
        *knowledge.evidence,
        *knowledge.dictionary.medicines,
    }
    near = did_you_mean(name, known) or "`charley knowledge show` takes the id of anything in the knowledge base"
    raise UnknownName(f"{name[:60]!r} is not in the knowledge base; {near}")


def _finding(finding: Finding, knowledge: KnowledgeBase) -> Iterator[str]:
    kind = {"yes_no": "yes/no", "quantity": "quantity", "choice": "choice"}[finding.kind]
    yield f"{finding.id}: finding, {kind}, group {knowledge.vocabulary.groups[finding.group]}"
    yield f"  {finding.question}"
    if finding.help:
        yield f"  {finding.help}"
    if finding.kind == "quantity":
        low, high = finding.range
        yield f"  Unit {finding.unit}" + (f", also {', '.join(finding.accepts)}" if finding.accepts else "")
        plausible = f"{quantity_text(finding, low)} to {quantity_text(finding, high)}"
        yield f"  Plausible from {plausible}; of several readings, the {finding.reduction}"
        yield from _reference(finding)
        yield from _derivation(finding, knowledge)
    if finding.kind == "choice":
        yield from (f"  {choice}: {clause}" for choice, clause in finding.choices.items())
    if finding.lasts_days is not None:
        yield f"  In a record, it counts for {finding.lasts}"
    if finding.requires:
        yield f"  Means something only with {finding.requires}"
    if finding.codes:
        yield f"  {codes_text(finding.codes)}"
    yield from (f"  In a record, {answer}: {codes_text(codes)}" for answer, codes in finding.answer_codes.items())
    yield f"  Declared at {knowledge.vocabulary.places[finding.id]}"
    used = [
        *(f"definition {name}" for name in knowledge.definitions if _uses(knowledge.definitions[name].condition, finding.id))
    ]
    used += [f"rule {rule.id}" for rule in knowledge.rules.values() if _uses(rule.condition, finding.id)]
    yield "  Used by:" if used else "  Used by nothing"
    yield from (f"    {user}" for user in used)


def _reference(finding: QuantityFinding) -> Iterator[str]:
    if finding.reference is None:
        return
    for interval in finding.reference.intervals:
        low, high = interval.low, interval.high
        bounds = range_clause(finding, None if low is None else (low, True), None if high is None else (high, True))
        whom = " and ".join(
            f"{name} {wanted if isinstance(wanted, str) else f'from {wanted[0]:g} to below {wanted[1]:g}'}"
            for name, wanted in interval.where.items()
        )
        yield f"  Normal when {bounds}" + (f" ({whom})" if whom else "")
    yield f"  Source of that: {_keys(finding.reference.source)}"


def _derivation(finding: QuantityFinding, knowledge: KnowledgeBase) -> Iterator[str]:
    derived = finding.derived
    if derived is not None:
        parts = [f"{coefficient:g} × {name}" for name, coefficient in derived.terms.items()]
        parts = [f"{derived.constant:g}", *parts] if derived.constant else parts
        product = [f"1/{name}" if power < 0 else name for name, power in derived.product.items()]
        formula = " × ".join(product) if product else " + ".join(parts).replace("+ -", "- ")
        yield f"  Computed, where it is not given: {formula}"
        yield f"  Source of that: {_keys(derived.source)}"
    for other in knowledge.vocabulary.derived:
        if other.derived is not None and finding.id in other.derived.inputs:
            yield f"  From it is computed: {other.id}"


def _keys(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "; ".join(source)


def _definition(definition: Definition, knowledge: KnowledgeBase) -> Iterator[str]:
    yield f"{definition.id}: definition, {definition.label}"
    yield f"  {sentence(definition.says[0])} / {sentence(definition.says[1])}"
    yield f"  Holds when {tell(definition.condition, knowledge)}."
    yield f"  ({definition.text})"
    yield from _sources(definition.sources, knowledge)
    yield f"  Declared at {definition.place}"


def _cause(cause: Cause, knowledge: KnowledgeBase) -> Iterator[str]:
    yield f"{cause.id}: cause, {cause.label}; {knowledge.categories[cause.category]}"
    if cause.codes:
        yield f"  {codes_text(cause.codes)}"
    if cause.about:
        yield f"  {cause.about}"
    yield f"  Declared at {cause.place}"
    for rule in cause.rules:
        yield ""
        yield from _rule(rule, knowledge)


def _sign(sign: WarningSign, knowledge: KnowledgeBase) -> Iterator[str]:
    yield f"{sign.id}: warning sign, {sign.label}; at least {knowledge.levels[sign.level].label.lower()}"
    yield f"  Declared at {sign.place}"
    for rule in sign.rules:
        yield ""
        yield from _rule(rule, knowledge)


def _step(step: NextStep, knowledge: KnowledgeBase) -> Iterator[str]:
    yield f"{step.id}: next step, {step.kind}" + (f"; {knowledge.levels[step.level].label.lower()}" if step.level else "")
    yield f"  {step.do}"
    if step.answers:
        yield f"  Done once these are known: {', '.join(step.answers)}"
    if step.codes:
        yield f"  {codes_text(step.codes)}"
    yield from _rule(step.rule, knowledge)


_VERBS = {"confirms": "confirms", "supports": "supports", "opposes": "speaks against", "excludes": "excludes"}


def _rule(rule: Rule, knowledge: KnowledgeBase) -> Iterator[str]:
    if rule.kind == "warns":
        effect = f"demands {knowledge.levels[rule.level or ''].label.lower()} ({rule.target})"
    elif rule.kind == "advises":
        effect = f"asks for {rule.target}"
    else:
        effect = f"{_VERBS[rule.kind]} {rule.target}" + (f", {rule.strength}" if rule.strength else "")
    yield f"  {rule.id}: {effect}"
    yield f"    When {tell(rule.condition, knowledge)}."
    yield f"    ({rule.text})"
    yield f"    Because: {rule.because}"
    yield from (f"  {line}" for line in _sources(rule.sources, knowledge))
    yield f"    Declared at {rule.place}"


def _order(advice: OrderAdvice, knowledge: KnowledgeBase) -> Iterator[str]:
    yield f"{advice.rule.id}: said of draft orders in a clinical system, as {advice.indicator}"
    yield f"  {advice.summary}"
    yield from islice(_rule(advice.rule, knowledge), 1, None)


def _source(name: str, knowledge: KnowledgeBase) -> Iterator[str]:
    source = knowledge.evidence[name]
    yield f"{name}: source, {source.kind.replace('_', ' ')}"
    yield f"  {citation(source)}"
    if source.note:
        yield f"  {source.note}"
    users = [rule.id for rule in knowledge.rules.values() if name in rule.sources]
    yield f"  Cited by {len(users)} rules" + (":" if users else "")
    yield from (f"    {user}" for user in users)


def _medicines(names: tuple[str, ...], knowledge: KnowledgeBase) -> Iterator[str]:
    for name in names:
        medicine = knowledge.dictionary.medicines[name]
        atc = f", ATC {', '.join(medicine.atc)}" if medicine.atc else ""
        yield f"{name}: medicine{atc}" + (" (unchecked)" if medicine.unchecked else "")
        if medicine.names:
            yield f"  Also: {', '.join(medicine.names)}"
        for group in medicine.classes:
            entry = knowledge.dictionary.classes[group]
            yield f"  {entry.label} → {', '.join([*entry.current, *entry.stopped])}"
        for group in medicine.possible:
            yield f"  Possibly {knowledge.dictionary.classes[group].label}"
        if not medicine.classes and not medicine.possible:
            yield "  No class that the rules use"


def _sources(sources: tuple[str, ...], knowledge: KnowledgeBase) -> Iterator[str]:
    yield from (f"  Source: {citation(knowledge.evidence[key])}" for key in sources)


def _uses(condition: Expression, finding: str) -> bool:
    return any(leaf.finding == finding for leaf in leaves(condition)) or finding in names_used(condition)


def _indent(line: str) -> str:
    return " " * (len(line) - len(line.lstrip()) + 2)
