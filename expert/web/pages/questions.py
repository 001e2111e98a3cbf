"""How questions, answers to what was asked back, and the urgency are arranged for a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from expert.consultation.asking.page import ScreenAsked, Section
from expert.consultation.moments import Moment
from expert.consultation.progress import could_be
from expert.web.pages.forms import answer_field, open_field
from facts.vocabulary import ChoiceFinding, QuantityFinding, YesNoFinding
from knowledge_base.interview import opens_a_page
from knowledge_base.model import KnowledgeBase
from reports.arranged.view import Rise, rises
from reports.words.explaining import Line
from reports.words.questions import split_question
from reports.words.wording import sentence, unit_text

_TONES = ("calm", "notice", "warn", "alarm")
_REASONS_IN_SIGHT = 2


@dataclass(frozen=True, slots=True)
class Band:
    """The urgency as it stands above every page: the least it is, and the most it could still be, and why.

    Where it is not open, `is_sound` says whether nothing at all could raise it, or only nothing that one would look for.
    """

    tone: str
    level: str
    says: str
    is_lowest: bool
    is_open: bool
    is_sound: bool
    ceiling_tone: str
    ceiling: str
    reasons: tuple[str, ...]
    further: int
    rises: tuple[Rise, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A question on a page, as it was filled in so far."""

    id: str
    kind: str
    label: str
    hint: str
    unit: str
    choices: tuple[tuple[str, str], ...]
    field: str
    open_field: str
    value: str
    text: str
    problem: str
    is_long: bool = False
    """Whether it stands for many signs, and needs the whole width."""
    signs: tuple[str, ...] = ()
    """The signs that it names."""


@dataclass(frozen=True, slots=True)
class Row:
    """Questions that stand together under a heading; `ticks` are signs that are ticked where they are so."""

    label: str
    ticks: tuple[Question, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A section of a page: its lead-in, and its questions in rows."""

    id: str
    lead: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Silence:
    """What a page says of the questions that are left without an answer: its two buttons, and what neither covers."""

    absent: str
    unknown: str
    never: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered when it was asked back: lines, and the place of the page where they stand."""

    place: str
    lines: Sequence[Line]

    def told(self) -> list[tuple[int, str]]:
        """Return each line with how deep it stands."""
        return [(line.depth, f"{line.mark} {line.text}".strip()) for line in self.lines]


def tone(level: str, knowledge: KnowledgeBase) -> str:
    """Return the tone of a level, by its place between the lowest and the highest."""
    highest = max(1, len(knowledge.levels) - 1)
    return _TONES[round(knowledge.level_rank[level] * (len(_TONES) - 1) / highest)]


def band(moment: Moment, knowledge: KnowledgeBase, asked: ScreenAsked | None = None) -> Band:
    """Arrange the urgency; what the page in sight asks for stands for what could raise it."""
    stands = moment.outline
    rising = rises(stands.could_rise, moment.known.values, knowledge)
    here = {getattr(knowledge.vocabulary.findings[name], "present", "") for name in (asked.questions if asked else ())}
    # There is room for two: those that can be answered right here, else the shortest.
    highest = sorted(rising[0].conditions if rising else (), key=lambda text: (text not in here, len(text)))
    count = sum(len(rise.conditions) for rise in rising)
    highest_open = could_be(moment)
    return Band(
        tone=tone(stands.level, knowledge),
        level=knowledge.levels[stands.level].label,
        says=knowledge.levels[stands.level].says,
        is_lowest=knowledge.level_rank[stands.level] == 0,
        is_open=highest_open != stands.level,
        is_sound=stands.ceiling == stands.level,
        ceiling_tone=tone(highest_open, knowledge),
        ceiling=knowledge.levels[highest_open].label,
        reasons=tuple(highest[:_REASONS_IN_SIGHT]),
        further=count - len(highest[:_REASONS_IN_SIGHT]),
        rises=rising,
    )


def parts_shown(
    asked: ScreenAsked, knowledge: KnowledgeBase, form: Mapping[str, str], problems: Mapping[str, str]
) -> tuple[Part, ...]:
    """Arrange the questions of a page: by section, and by the rows that the knowledge declares."""
    return tuple(
        Part(section.screen.id, section.screen.lead_in, tuple(_rows(section, asked, knowledge, form, problems)))
        for section in asked.sections
        if section.questions
    )


def _rows(
    section: Section, asked: ScreenAsked, knowledge: KnowledgeBase, form: Mapping[str, str], problems: Mapping[str, str]
) -> list[Row]:
    screen = section.screen
    grouped: list[tuple[str, list[str]]] = []
    for name in section.questions:
        if (asked.in_full and name in screen.rows) or not grouped:
            grouped.append((screen.rows.get(name, ""), []))
        grouped[-1][1].append(name)
    rows = []
    for label, names in grouped:
        ticked = [name for name in names if asked.in_full and _is_sign(name, knowledge) and name not in screen.each]
        shown = {name: question_shown(name, asked, knowledge, form, problems) for name in names}
        others = tuple(shown[name] for name in names if name not in ticked)
        rows.append(Row(label, tuple(shown[name] for name in ticked), others))
    return rows


def _is_sign(name: str, knowledge: KnowledgeBase) -> bool:
    return isinstance(knowledge.vocabulary.findings[name], YesNoFinding)


def silence(asked: ScreenAsked, knowledge: KnowledgeBase) -> Silence:
    """Say what becomes of the questions of a page that are left without an answer."""
    findings = knowledge.vocabulary.findings
    signs = [name for name in asked.questions if _is_sign(name, knowledge) and name not in asked.each]
    never = tuple(findings[name].label for name in asked.questions if name not in signs)
    examined = asked.screen.by == "examination"
    return Silence(
        absent=("the rest was examined, and is absent" if examined else "the rest was asked, and is absent") if signs else "",
        unknown="the rest was not examined" if examined else "the rest is unknown",
        never=never,
    )


def question_shown(
    name: str, asked: ScreenAsked, knowledge: KnowledgeBase, form: Mapping[str, str], problems: Mapping[str, str]
) -> Question:
    """Arrange a question, with what was filled in and what is wrong with that."""
    finding = knowledge.vocabulary.findings[name]
    # What opens a page of its own stands for many signs, and only its question names them.
    whole = opens_a_page(name, asked.screen_of(name).ask, knowledge.vocabulary)
    short = asked.screen_of(name).short.get(name, finding.label) if asked.in_full else finding.label
    label, signs = split_question(finding.question) if whole else (sentence(short).removesuffix("."), ())
    choices: tuple[tuple[str, str], ...] = (("yes", "Yes"), ("no", "No"))
    unit = ""
    if isinstance(finding, ChoiceFinding):
        choices = tuple((choice, sentence(choice.replace("_", " ")).removesuffix(".")) for choice in finding.choices)
    elif isinstance(finding, QuantityFinding):
        choices, unit = (), unit_text(finding)
    text = form.get(answer_field(name), "")
    return Question(
        id=name,
        kind=finding.kind,
        label=label,
        hint=finding.help,
        unit=unit,
        choices=choices,
        field=answer_field(name),
        open_field=open_field(name),
        value="unknown" if open_field(name) in form else text,
        text=text,
        problem=problems.get(name, ""),
        is_long=whole,
        signs=signs,
    )
