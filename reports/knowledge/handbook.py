"""The handbook: the whole knowledge base as one document that a clinician can read, check and sign."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from facts.vocabulary import Finding
from knowledge_base.conditions.expression import Expression, leaves
from knowledge_base.model import KnowledgeBase, NextStep, Rule
from reports.arranged.page import STATEMENT
from reports.arranged.view import codes_text
from reports.formats import HANDBOOKS
from reports.words.citations import citation, is_checked
from reports.words.wording import quantity_text, sentence, tell


@dataclass(frozen=True, slots=True)
class RuleTold:
    """A rule in English, with its sources, whether all of them are unchecked, and its cases."""

    id: str
    effect: str
    when: str
    condition: str
    because: str
    sources: tuple[str, ...]
    unchecked: bool
    cases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A cause, warning sign or next step with its rules."""

    id: str
    label: str
    details: tuple[str, ...]
    rules: tuple[RuleTold, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A chapter of the handbook."""

    id: str
    label: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Handbook:
    """Everything that the handbook says."""

    title: str
    knowledge: str
    statement: str
    levels: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    definitions: tuple[tuple[str, str, str, str], ...]
    findings: tuple[tuple[str, str, str, tuple[str, ...]], ...]
    classes: tuple[tuple[str, str], ...]
    sources: tuple[tuple[str, str, bool], ...]
    unchecked: tuple[str, ...]


def handbook(knowledge: KnowledgeBase, cases: Mapping[str, Iterable[str]] | None = None) -> Handbook:
    """Arrange a knowledge base for reading; `cases` gives the names of each rule's cases."""
    return _Telling(knowledge, cases or {}).handbook()


@lru_cache(maxsize=2)
def kept_handbook(knowledge: KnowledgeBase) -> Handbook:
    """Return the handbook, made once for all readers of one knowledge base."""
    return handbook(knowledge)


def find_entries(book: Handbook, words: str) -> tuple[Section, ...]:
    """Return the chapters with those entries that hold every word; all of them where nothing is looked for."""
    wanted = words.casefold().split()
    chapters = []
    for section in book.sections:
        entries = tuple(entry for entry in section.entries if all(word in _searched(entry) for word in wanted))
        if entries:
            chapters.append(Section(section.id, section.label, entries))
    return tuple(chapters)


def _searched(entry: Entry) -> str:
    said = (f"{rule.id} {rule.when} {rule.because}" for rule in entry.rules)
    return " ".join((entry.id, entry.id.replace("_", " "), entry.label, *entry.details, *said)).casefold()


def entry_of(book: Handbook, name: str) -> Entry | None:
    """Return the entry of a cause, warning sign, next step or draft order by its id."""
    return next((entry for section in book.sections for entry in section.entries if entry.id == name), None)


def render_handbook(told: Handbook, form: str) -> str:
    """Render the handbook in one of its formats; the same knowledge always gives the same text."""
    return HANDBOOKS[form].render(book=told)


def rests_on_unchecked(rule: Rule, knowledge: KnowledgeBase) -> bool:
    """Return whether every source of a rule is general knowledge, inference or machine-written."""
    return bool(rule.sources) and not any(is_checked(knowledge.evidence[key]) for key in rule.sources)


class _Telling:
    def __init__(self, knowledge: KnowledgeBase, cases: Mapping[str, Iterable[str]]) -> None:
        self.knowledge, self.cases, self.users = knowledge, cases, _users(knowledge)

    def handbook(self) -> Handbook:
        knowledge = self.knowledge
        return Handbook(
            title=knowledge.title,
            knowledge=f"Knowledge {knowledge.version}, hash {knowledge.hash}",
            statement=STATEMENT,
            levels=tuple((level.label, level.says) for level in knowledge.levels.values()),
            sections=tuple(self.sections()),
            definitions=tuple(
                (entry.id, sentence(entry.says[0]), tell(entry.condition, knowledge), entry.text)
                for entry in knowledge.definitions.values()
            ),
            findings=tuple(self.finding(finding) for finding in knowledge.vocabulary.findings.values()),
            classes=tuple(
                (
                    entry.label,
                    ", ".join(name for name, medicine in knowledge.dictionary.medicines.items() if group in medicine.classes),
                )
                for group, entry in knowledge.dictionary.classes.items()
            ),
            sources=tuple((key, citation(source), is_checked(source)) for key, source in knowledge.evidence.items()),
            unchecked=tuple(rule.id for rule in knowledge.rules.values() if rests_on_unchecked(rule, knowledge)),
        )

    def sections(self) -> Iterable[Section]:
        knowledge = self.knowledge
        signs = (
            Entry(
                sign.id,
                sign.label,
                (f"At least {knowledge.levels[sign.level].label.lower()}.",),
                self.rules((*sign.rules, *sign.downgrades)),
            )
            for sign in knowledge.warning_signs.values()
        )
        yield Section("warning-signs", "Warning signs", tuple(signs))
        for category, label in knowledge.categories.items():
            causes = (cause for cause in knowledge.causes.values() if cause.category == category)
            entries = (
                Entry(
                    cause.id, cause.label, tuple(filter(None, (codes_text(cause.codes), cause.about))), self.rules(cause.rules)
                )
                for cause in causes
            )
            yield Section(f"causes-{category}", f"Causes: {label}", tuple(entries))
        yield Section("next-steps", "Next steps", tuple(self.step(step) for step in knowledge.next_steps.values()))
        if knowledge.decision_support and knowledge.decision_support.orders:
            orders = (
                Entry(name, advice.summary, (f"Shown as {advice.indicator}.",), self.rules((advice.rule,)))
                for name, advice in knowledge.decision_support.orders.items()
            )
            yield Section("draft-orders", "What is said of draft orders in clinical systems", tuple(orders))

    def step(self, step: NextStep) -> Entry:
        details = [step.kind.capitalize()]
        if step.level:
            details.append(self.knowledge.levels[step.level].label.lower())
        if step.answers:
            details.append(f"done once these are known: {', '.join(step.answers)}")
        return Entry(step.id, step.do, ("; ".join(details) + ".",), self.rules((step.rule,)))

    def rules(self, rules: Iterable[Rule]) -> tuple[RuleTold, ...]:
        return tuple(self.rule(rule) for rule in rules)

    def rule(self, rule: Rule) -> RuleTold:
        knowledge = self.knowledge
        effects = {
            "opposes": "speaks against",
            "warns": "demands",
            "advises": "asks for it",
            "downgrades": f"of {rule.target}: only",
        }
        effect = effects.get(rule.kind, rule.kind)
        if rule.level and rule.kind in ("warns", "downgrades"):
            effect += f" {knowledge.levels[rule.level].label.lower()}"
        if rule.strength:
            effect += f", {rule.strength}"
        return RuleTold(
            id=rule.id,
            effect=effect,
            when=sentence(tell(rule.condition, knowledge)),
            condition=" ".join(rule.text.split()),
            because=rule.because,
            sources=tuple(citation(knowledge.evidence[key]) for key in rule.sources),
            unchecked=rests_on_unchecked(rule, knowledge),
            cases=tuple(self.cases.get(rule.id, ())),
        )

    def finding(self, finding: Finding) -> tuple[str, str, str, tuple[str, ...]]:
        if finding.kind == "quantity":
            low, high = finding.range
            kind = f"{quantity_text(finding, low)} to {quantity_text(finding, high)}"
        else:
            kind = "yes or no" if finding.kind == "yes_no" else " or ".join(finding.choices)
        return finding.id, finding.question, kind, self.users[finding.id]


def _users(knowledge: KnowledgeBase) -> Mapping[str, tuple[str, ...]]:
    """Return the definitions and rules that ask for each finding: the index."""
    users: dict[str, list[str]] = {name: [] for name in knowledge.vocabulary.findings}
    conditions: dict[str, Expression] = {name: entry.condition for name, entry in knowledge.definitions.items()}
    conditions.update((rule.id, rule.condition) for rule in knowledge.rules.values())
    for name, condition in conditions.items():
        for finding in dict.fromkeys(leaf.finding for leaf in leaves(condition)):
            users[finding].append(name)
    return {name: tuple(found) for name, found in users.items()}
