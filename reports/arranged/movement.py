"""The picture of how a consultation moved: after each step the urgency, how far it could still rise, and what led.

Every picture has its text, and says nothing by color alone; the templates draw it (`figures.html.j2`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from facts.language.speaking import say
from knowledge_base.model import KnowledgeBase
from reports.arranged.verdicts import open_verdict
from reports.words.wording import lower_label

STEP, ROW, LEFT = 34, 22, 240
"""Pixels: the width of a step, the height of a row, and where the first step begins."""
_SHOWN = 3
"""Causes with a row of their own."""
_MARK = 12


@dataclass(frozen=True, slots=True)
class Stage:
    """What stood after one step of a consultation.

    `given` counts the findings that were answered in it; `could_rise_to` is None once the urgency is decided; `leading` are the
    causes for which something spoke, with their standings, the first cause first.
    """

    step: int
    given: int
    level: str
    could_rise_to: str | None
    leading: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Movement:
    """The picture in pixels, and the text of each step that changed something.

    `levels` are the rows of urgency with their place, the gravest on top. `marks` are one square a step at the level that
    stood, and `open` one line a step from there up to the level that was still possible, its two ends. `causes` are rows of
    squares whose side tells the standing, 0 where nothing spoke for the cause.
    """

    width: int
    height: int
    levels: tuple[tuple[str, int], ...]
    marks: tuple[tuple[int, int], ...]
    open: tuple[tuple[int, int, int], ...]
    causes: tuple[tuple[str, int, tuple[tuple[int, int], ...]], ...]
    steps: tuple[str, ...]


def movement(stages: Sequence[Stage], knowledge: KnowledgeBase) -> Movement | None:
    """Arrange the stages of a consultation as a picture; None for fewer than two, which did not move."""
    if len(stages) < 2:
        return None
    gravest_first = tuple(knowledge.levels)[::-1]
    middle = {level: ROW * place + ROW // 2 for place, level in enumerate(gravest_first)}
    columns = [LEFT + STEP * number + STEP // 2 for number in range(len(stages))]
    last = dict.fromkeys(cause for stage in reversed(stages) for cause, _ in stage.leading)
    shown = tuple(last)[:_SHOWN]
    below = ROW * len(gravest_first) + ROW
    return Movement(
        width=LEFT + STEP * len(stages),
        height=below + ROW * len(shown),
        levels=tuple((knowledge.levels[level].label, middle[level]) for level in gravest_first),
        marks=tuple((column, middle[stage.level]) for column, stage in zip(columns, stages, strict=True)),
        open=tuple(
            (column, middle[stage.level], middle[stage.could_rise_to])
            for column, stage in zip(columns, stages, strict=True)
            if stage.could_rise_to is not None
        ),
        causes=tuple(
            (
                knowledge.causes[cause].label,
                below + ROW * row + ROW // 2,
                tuple((column, _side(stage, cause, knowledge)) for column, stage in zip(columns, stages, strict=True)),
            )
            for row, cause in enumerate(shown)
        ),
        steps=tuple(
            _said(stage, knowledge) for stage, before in zip(stages, (None, *stages), strict=False) if _moved(stage, before)
        ),
    )


def _side(stage: Stage, cause: str, knowledge: KnowledgeBase) -> int:
    standing = dict(stage.leading).get(cause)
    return 0 if standing is None else max(_MARK - 3 * knowledge.grading.order[standing], 3)


def _moved(stage: Stage, before: Stage | None) -> bool:
    if before is None:
        return True
    now, then = ((one.level, one.could_rise_to, one.leading[:_SHOWN]) for one in (stage, before))
    return now != then


def _said(stage: Stage, knowledge: KnowledgeBase) -> str:
    label = knowledge.levels[stage.level].label
    if stage.could_rise_to is None:
        verdict = f"{lower_label(label)}, {say('decided')}"
    else:
        at_least = label if knowledge.level_rank[stage.level] else ""
        verdict = open_verdict(at_least, knowledge.levels[stage.could_rise_to].label)
    leading = "; ".join(
        f"{knowledge.causes[cause].label}, {lower_label(knowledge.grading.standings[standing])}"
        for cause, standing in stage.leading[:_SHOWN]
    )
    given = say("Step {step}, with 1 answer") if stage.given == 1 else say("Step {step}, with {count} answers")
    given = given.format(step=stage.step, count=stage.given)
    return ". ".join(part for part in (f"{given}: {verdict}", leading) if part) + "."
