"""What the last answers of a consultation revealed: dangers, answers that went with a change, and medicines as understood."""

from typing import Any

from expert.consultation.answer_log import MEDICINES, STOPPED_MEDICINES
from expert.consultation.progress import no_longer_standing
from expert.web.pages.sitting import Sitting
from reports.words.cleaning import clean


def dangers_shown(sitting: Sitting) -> dict[str, Any]:
    """Return the dangers that the last answers revealed, why, and what to do."""
    consultation, moment = sitting.consultation, sitting.moment
    # Only if there is a danger at all is it asked whether it is new.
    if not sitting.log or sitting.log[-1].kind == "undone" or not consultation.dangers(None, moment):
        return {"dangers": []}
    dangers = consultation.dangers(sitting.before, moment)
    if not dangers:
        return {"dangers": []}
    level = sitting.service.knowledge.levels[dangers[0].level]
    steps = [step.do for step in moment.assessment.next_steps if step.level == dangers[0].level and not step.done]
    return {
        "dangers": [(sign.label, clean(sign.because)) for sign in dangers],
        "danger_level": level.label,
        "danger_says": level.says,
        "danger_steps": steps,
    }


def answers_closed(sitting: Sitting) -> list[str]:
    """Say which answers went with the last one, if that was a change."""
    if not sitting.log or sitting.log[-1].kind != "changed":
        return []
    lines = no_longer_standing(sitting.before, sitting.moment, sitting.log[-1].answers, sitting.service.knowledge)
    return [f"{line}." for line in lines]


def medicines_understood(sitting: Sitting) -> list[tuple[str, str]]:
    """Say what the medicines of the last page were taken for."""
    if not sitting.log or sitting.log[-1].kind == "undone":
        return []
    last = [event for event in sitting.log if event.step == sitting.log[-1].step]
    written: dict[str, Any] = {key: value for event in last for key, value in event.answers.items()}
    texts = [*(written.get(MEDICINES) or ()), *(entry["name"] for entry in written.get(STOPPED_MEDICINES) or ())]
    told = []
    for text in texts:
        found = sitting.service.knowledge.dictionary.recognize(text)
        meaning = ", ".join(found.medicines)
        told.append((clean(text), "; ".join(filter(None, (meaning, clean(found.doubt or ""))))))
    # A name that was written out, with its dose or without, says itself what it was taken for.
    return [(text, meaning) for text, meaning in told if not text.casefold().startswith(meaning)]
