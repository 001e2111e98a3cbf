"""What is asked back at a prompt: why, how, why not and what if."""

import re

from expert.consultation.asking.next_question import Certificate
from expert.consultation.explaining import how, why, why_not, why_page
from expert.consultation.meant import find, read_suppositions
from expert.consultation.moments import Consultation, Moment
from expert.consultation.progress import why_stopped
from expert.consultation.what_if import what_if
from reports.words.explaining import explain

ASKED_BACK = ("why", "how", "what")


def answer_back(first: str, rest: str, moment: Moment, consultation: Consultation) -> list[str]:
    """Answer what was asked back with `first` and what follows. Raises UnknownName or ReplyError."""
    knowledge = consultation.knowledge
    if first == "what":
        text = re.sub(r"^if\s+", "", rest, flags=re.IGNORECASE)
        return _told(what_if(moment, read_suppositions(text, moment, knowledge), consultation), consultation)
    if first == "how":
        return _told(how(moment, find(rest or "urgency", moment, knowledge)), consultation)
    if rest.casefold().startswith("not "):
        named = find(rest[4:], moment, knowledge)
        if named.kind not in ("cause", "sign"):
            return [f"Ask this of a cause or a warning sign; {named.id} is neither."]
        return _told(why_not(moment, named, consultation), consultation)
    return _why(rest, moment, consultation)


def _why(name: str, moment: Moment, consultation: Consultation) -> list[str]:
    if name:
        named = find(name, moment, consultation.knowledge)
        if named.kind != "finding":
            return [f"{named.id} is a conclusion; ask: how {named.id}, or why not {named.id}"]
        return _told(why(moment, named.id, consultation), consultation)
    if isinstance(moment.next, Certificate):
        return why_stopped(moment.next, moment, consultation.knowledge)
    return [*_told(why_page(moment, moment.next), consultation), "  why N says more of one question."]


def _told(answer: object, consultation: Consultation) -> list[str]:
    return [line.plain() for line in explain(answer, consultation.knowledge)]
