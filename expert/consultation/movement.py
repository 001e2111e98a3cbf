"""How a consultation moved: what stood after each of its steps, from the first answer to the last."""

from collections.abc import Iterator

from expert.consultation.answer_log import AnswerRefused, Log, drop_undone
from expert.consultation.moments import Consultation
from reports.arranged.movement import Stage


def stages(consultation: Consultation, log: Log, name: str) -> tuple[Stage, ...]:
    """Return what stood after each step that was not taken back. Costs one outline a step."""
    return tuple(_stages(consultation, drop_undone(log), name))


def _stages(consultation: Consultation, events: Log, name: str) -> Iterator[Stage]:
    for step in sorted({event.step for event in events}):
        try:
            moment = consultation.moment(tuple(event for event in events if event.step <= step), name)
        except AnswerRefused:
            # A change of several answers at once: what an earlier part of it says alone never stood.
            continue
        outline = moment.outline
        yield Stage(
            step,
            len({finding for event in events if event.step == step for finding in event.answers}),
            outline.level,
            None if outline.decided else outline.could_rise_to,
            outline.causes,
        )
