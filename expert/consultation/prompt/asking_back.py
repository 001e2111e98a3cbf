"""What is asked back at a prompt: why, how, why not and what if."""

import re

from expert.consultation.moments import Consultation, Moment
from expert.consultation.next_question import Certificate
from expert.consultation.progress import why_stopped
from expert.consultation.prompt import explanation
from expert.consultation.what_if import what_if

ASKED_BACK = ("why", "how", "what")


def answer_back(first: str, rest: str, moment: Moment, consultation: Consultation) -> list[str]:
    """Answer what was asked back with `first` and what follows. Raises UnknownName or ReplyError."""
    if first == "what":
        text = re.sub(r"^if\s+", "", rest, flags=re.IGNORECASE)
        return what_if(moment, explanation.read_suppositions(text, moment, consultation.knowledge), consultation)
    if first == "how":
        return explanation.how(moment, explanation.find(rest or "urgency", moment, consultation.knowledge), consultation)
    if rest.casefold().startswith("not "):
        return explanation.why_not(moment, explanation.find(rest[4:], moment, consultation.knowledge), consultation)
    return _why(rest, moment, consultation)


def _why(name: str, moment: Moment, consultation: Consultation) -> list[str]:
    if name:
        named = explanation.find(name, moment, consultation.knowledge)
        if named.kind != "finding":
            return [f"{named.id} is a conclusion; ask: how {named.id}, or why not {named.id}"]
        return explanation.why(moment, named.id, consultation)
    if isinstance(moment.next, Certificate):
        return why_stopped(moment.next, moment, consultation.knowledge)
    return explanation.why_screen(moment, moment.next, consultation)
