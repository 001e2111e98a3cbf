"""The screens of a consultation: which questions are asked together, and which screens come first (interview.yaml)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from facts.finding_search import suggest_finding
from facts.medicines import MedicineDictionary
from facts.problems import did_you_mean
from facts.requirements import ancestors
from facts.vocabulary import Vocabulary
from knowledge_base.conditions.expression import Expression
from knowledge_base.declarations import AskedBy

if TYPE_CHECKING:
    from knowledge_base.entries import Context, KnowledgeFile
    from knowledge_base.schema import InterviewFile

MEDICINES = "medicines"
"""The id of the screen that asks for the medicine lists, where none is declared."""


@dataclass(frozen=True, slots=True)
class Screen:
    """Questions that are asked together; or what asks for the medicine lists (`medicines`) or any test result (`results`)."""

    id: str
    label: str
    lead_in: str
    by: AskedBy
    ask: tuple[str, ...] = ()
    each: frozenset[str] = frozenset()
    """The questions of which silence says nothing: each wants an answer of its own."""
    medicines: bool = False
    results: bool = False
    anything: bool = False
    """Whether it takes any finding by name."""
    in_full: bool = False
    """Whether it is asked as a whole and once, whatever its answers could change."""
    rows: Mapping[str, str] = field(default_factory=dict)
    """What is said before the question that begins a line."""
    short: Mapping[str, str] = field(default_factory=dict)
    """What a question is called here, where its line says the rest."""


@dataclass(frozen=True)
class Interview:
    """Every screen by id, in the order of declaration, and the ids of those that come first, page by page."""

    opening: tuple[tuple[str, ...], ...]
    screens: Mapping[str, Screen]
    most_questions: int | None = None
    """How many questions stand on one page after the opening."""
    always: frozenset[str] = frozenset()
    """What everybody is asked for beside the medicine lists."""
    only_if: Mapping[str, Expression] = field(default_factory=dict)
    """Findings that are worth asking for only where something does not rule them out, and that condition."""
    written_together: Mapping[str, str] = field(default_factory=dict)
    """Numbers that another number is written behind, with a slash between them ("148/86"), or a choice ("67f")."""
    with_medicines: tuple[str, ...] = ()
    """Signs that are absent in whoever takes no medicine and stopped none."""


def told_by_lists(vocabulary: Vocabulary, dictionary: MedicineDictionary) -> frozenset[str]:
    """Return the findings that the medicine lists decide, so that nobody is asked for them one by one."""
    listed = {name for group in dictionary.classes.values() for name in (*group.current, *group.stopped)}
    return frozenset(listed & set(vocabulary.findings))


def asked_by(interview: Interview, vocabulary: Vocabulary) -> dict[str, AskedBy]:
    """Return what it takes to know each finding: history where no screen asks for it, as of what the lists tell."""
    by: dict[str, AskedBy] = dict.fromkeys(vocabulary.findings, "history")
    for screen in interview.screens.values():
        by.update(dict.fromkeys(screen.ask, screen.by))
    return by


def opens_a_page(name: str, beside: tuple[str, ...], vocabulary: Vocabulary) -> bool:
    """Return whether most of what hangs on a finding is asked on another page than the questions `beside` it."""
    return sum(child not in beside for child in vocabulary.children.get(name, ())) > 3


def build_interview(
    file: "KnowledgeFile[InterviewFile] | None", dictionary: MedicineDictionary, context: "Context"
) -> Interview:
    """Build the interview that interview.yaml declares, noting what is wrong in it; by groups where there is no such file."""
    if file is None:
        return by_groups(context.vocabulary, dictionary)
    content = file.content
    _check_opening(file, context)
    _check_always(file, context)
    _check_questions(file, told_by_lists(context.vocabulary, dictionary), context)
    screens = {
        name: Screen(
            id=name,
            label=entry.label,
            lead_in=entry.lead_in,
            by=entry.by,
            ask=tuple(entry.ask),
            each=frozenset(entry.each),
            medicines=entry.medicines,
            results=entry.results,
            anything=entry.anything,
            in_full=entry.in_full,
            rows=MappingProxyType(dict(entry.rows)),
            short=MappingProxyType(dict(entry.short)),
        )
        for name, entry in content.screens.items()
    }
    findings = context.vocabulary.findings
    # What hangs on another finding cannot be asked before that.
    named = [name for name in content.always if name in findings]
    always = frozenset(named).union(*(ancestors(name, findings) for name in named))
    return Interview(
        _pages(content.opening),
        screens,
        content.most_questions,
        always,
        _read_only_if(file, context),
        _pairs(file, context),
        _with_medicines(file, context),
    )


def _pairs(file: "KnowledgeFile[InterviewFile]", context: "Context") -> Mapping[str, str]:
    pairs = file.content.written_together
    for first, second in pairs.items():
        for name, kinds in ((first, ("quantity",)), (second, ("quantity", "choice"))):
            finding = context.vocabulary.findings.get(name)
            if finding is None or finding.kind not in kinds:
                place = file.node("written_together", first).place
                problem = f"{name} is not a {' or a '.join(kinds)}"
                context.problems.add(place, problem, suggest_finding(name, context.vocabulary))
    return MappingProxyType(dict(pairs))


def _with_medicines(file: "KnowledgeFile[InterviewFile]", context: "Context") -> tuple[str, ...]:
    for index, name in enumerate(file.content.with_medicines):
        finding = context.vocabulary.findings.get(name)
        if finding is None or finding.kind != "yes_no":
            fix = suggest_finding(name, context.vocabulary)
            context.problems.add(file.node("with_medicines", index).place, f"with_medicines: {name} is not a sign", fix)
    return tuple(file.content.with_medicines)


def _read_only_if(file: "KnowledgeFile[InterviewFile]", context: "Context") -> dict[str, Expression]:
    conditions: dict[str, Expression] = {}
    for name, text in file.content.only_if.items():
        node = file.node("only_if", name)
        if name not in context.vocabulary.findings:
            context.problems.add(node.key_place, f"{name} is not a finding", suggest_finding(name, context.vocabulary))
        condition = context.read_condition(node, text)
        if condition is not None:
            conditions[name] = condition
    return conditions


def _check_opening(file: "KnowledgeFile[InterviewFile]", context: "Context") -> None:
    screens = file.content.screens
    for index, names in enumerate(_pages(file.content.opening)):
        for name in names:
            if name not in screens:
                fix = did_you_mean(name, screens) or "declare it under screens"
                context.problems.add(file.node("opening", index).place, f"{name} is not a screen", fix)


def _pages(opening: Iterable[str | list[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple((names,) if isinstance(names, str) else tuple(names) for names in opening)


def _check_always(file: "KnowledgeFile[InterviewFile]", context: "Context") -> None:
    for index, name in enumerate(file.content.always):
        if name not in context.vocabulary.findings:
            fix = suggest_finding(name, context.vocabulary)
            context.problems.add(file.node("always", index).place, f"always: {name} is not a finding", fix)


def _check_questions(file: "KnowledgeFile[InterviewFile]", listed: frozenset[str], context: "Context") -> None:
    """Note the questions that are not there, that stand twice or that a list answers."""
    first: dict[str, str] = {}
    for screen, entry in file.content.screens.items():
        for index, name in enumerate(entry.ask):
            place = file.node("screens", screen, "ask", index).place
            if name not in context.vocabulary.findings:
                context.problems.add(place, f"{screen}: {name} is not a finding", suggest_finding(name, context.vocabulary))
            elif name in listed:
                context.problems.add(place, f"{screen}: the medicine lists tell {name}", "remove it here")
            elif first.setdefault(name, screen) != screen or entry.ask.index(name) != index:
                context.problems.add(place, f"{screen}: {name} is asked already, on {first[name]}", "ask it once")
        for index, name in enumerate(entry.each):
            if name not in entry.ask:
                place = file.node("screens", screen, "each", index).place
                context.problems.add(place, f"{screen}: {name} is not asked here", "add it to ask")
        for key, named in (("rows", entry.rows), ("short", entry.short)):
            for name in named:
                if name not in entry.ask:
                    place = file.node("screens", screen, key, name).key_place
                    context.problems.add(place, f"{screen}: {name} is not asked here", "add it to ask")


def by_groups(vocabulary: Vocabulary, dictionary: MedicineDictionary) -> Interview:
    """Make an interview for a knowledge base that declares none: a screen for each group of findings, medicines first."""
    listed = told_by_lists(vocabulary, dictionary)
    screens: dict[str, Screen] = {}
    if listed:
        screens[MEDICINES] = Screen(MEDICINES, "Medicines", "Which medicines are taken?", "history", medicines=True)
    for group, label in vocabulary.groups.items():
        asked = tuple(name for name, finding in vocabulary.findings.items() if finding.group == group and name not in listed)
        if asked:
            screens.setdefault(f"group_{group}", Screen(f"group_{group}", label, f"{label}:", "history", asked))
    return Interview(((MEDICINES,),) if listed else (), screens)
