"""How questions, answers to what was asked back, and the urgency are arranged for a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from expert.consultation.page import ScreenAsked
from expert.web.pages.forms import answer_field, open_field
from facts.assessment import Assessment
from facts.vocabulary import ChoiceFinding, QuantityFinding
from knowledge_base.interview import opens_a_page
from knowledge_base.model import KnowledgeBase
from reports.view import Rise, rises
from reports.wording import sentence, unit_text

_TONES = ("calm", "notice", "warn", "alarm")
_DEEPEST = 3
_REASONS_IN_SIGHT = 2


@dataclass(frozen=True, slots=True)
class Band:
    """The urgency as it stands above every page: the least it is, and the most it could still be, and why."""

    tone: str
    level: str
    says: str
    is_open: bool
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


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered when it was asked back: lines, and the place of the page where they stand."""

    place: str
    lines: Sequence[str]

    def told(self) -> list[tuple[int, str]]:
        """Return each line with how deep it is indented."""
        return [(min(_DEEPEST, (len(line) - len(line.lstrip()) + 1) // 2), line.strip()) for line in self.lines]


def tone(level: str, knowledge: KnowledgeBase) -> str:
    """Return the tone of a level, by its place between the lowest and the highest."""
    highest = max(1, len(knowledge.levels) - 1)
    return _TONES[round(knowledge.level_rank[level] * (len(_TONES) - 1) / highest)]


def band(assessment: Assessment, knowledge: KnowledgeBase, asked: ScreenAsked | None = None) -> Band:
    """Arrange the urgency; what the page in sight asks for stands for what could raise it."""
    urgency, rising = assessment.urgency, rises(assessment, knowledge)
    here = {getattr(knowledge.vocabulary.findings[name], "present", "") for name in (asked.questions if asked else ())}
    # There is room for two: those that can be answered right here, else the shortest.
    highest = sorted(rising[0].conditions if rising else (), key=lambda text: (text not in here, len(text)))
    count = sum(len(rise.conditions) for rise in rising)
    return Band(
        tone=tone(urgency.level, knowledge),
        level=knowledge.levels[urgency.level].label,
        says=knowledge.levels[urgency.level].says,
        is_open=urgency.ceiling != urgency.level,
        ceiling_tone=tone(urgency.ceiling, knowledge),
        ceiling=knowledge.levels[urgency.ceiling].label,
        reasons=tuple(highest[:_REASONS_IN_SIGHT]),
        further=count - len(highest[:_REASONS_IN_SIGHT]),
        rises=rising,
    )


def question_shown(
    name: str, asked: ScreenAsked, knowledge: KnowledgeBase, form: Mapping[str, str], problems: Mapping[str, str]
) -> Question:
    """Arrange a question, with what was filled in and what is wrong with that."""
    finding = knowledge.vocabulary.findings[name]
    # What opens a page of its own stands for many signs, and only its question names them.
    whole = opens_a_page(name, asked.screen.ask, knowledge.vocabulary)
    label = finding.question if whole else sentence(finding.label).removesuffix(".")
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
    )
