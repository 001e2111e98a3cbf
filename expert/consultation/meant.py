"""What a typed name means, and answers that are typed as NAME=VALUE: to change, to suppose or to ask back about."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from expert.consultation.asking.page import ScreenAsked
from expert.consultation.moments import Moment
from expert.consultation.naming import Ambiguous
from expert.consultation.naming import find as find_by_word
from expert.consultation.replies import ReplyError, read_value
from facts.answers import read_answer
from facts.explanation import Subject
from facts.finding_search import find_finding
from facts.problems import UnknownName, did_you_mean
from facts.vocabulary import Value
from knowledge_base.model import KnowledgeBase
from reports.words.cleaning import clean


@dataclass(frozen=True, slots=True)
class Meant:
    """What a typed name stands for."""

    kind: Subject
    id: str


def find(name: str, moment: Moment, knowledge: KnowledgeBase) -> Meant:
    """Find what a name means: the id or label of a finding, cause, sign or step, or a number on the screen.

    Raises UnknownName.
    """
    wanted = " ".join(name.casefold().replace("_", " ").split())
    if wanted.isdigit() and isinstance(moment.next, ScreenAsked) and 1 <= int(wanted) <= len(moment.next.questions):
        return Meant("finding", moment.next.questions[int(wanted) - 1])
    if wanted == "urgency":
        return Meant("urgency", "urgency")
    known = dict(_names(knowledge))
    if wanted in known:
        return known[wanted]
    if (exact := find_finding(name, knowledge.vocabulary)) is not None:
        return Meant("finding", exact.id)
    starting = {entry for text, entry in known.items() if text.startswith(wanted)}
    if len(starting) == 1:
        return starting.pop()
    try:
        return Meant("finding", find_by_word(name, knowledge.vocabulary).id)
    except Ambiguous as error:
        raise UnknownName(clean(str(error))) from None
    except ReplyError:
        pass
    fix = did_you_mean(wanted, known) or "name a finding, a cause or a warning sign by its id or label"
    raise UnknownName(f"{clean(name)!r} is not known here; {fix}")


def read_assignments(text: str, moment: Moment, knowledge: KnowledgeBase) -> dict[str, Any]:
    """Read NAME=VALUE, or several with commas between, into what was written by finding; None stands for "unknown".

    Names and values may hold commas themselves. Raises ReplyError or UnknownName.
    """
    sign = "=" if "=" in text else " is "
    pieces, begun = [], ""
    for part in re.split("([,;])", text):
        begun += part
        if sign in begun and part not in (",", ";"):
            pieces.append(begun.lstrip(" ,;"))
            begun = ""
    if not pieces:
        raise ReplyError("write NAME=VALUE; the name is that of a finding, or its number on the page")
    # What follows the last value belongs to it.
    pieces[-1] += begun
    answers: dict[str, Any] = {}
    for piece in pieces:
        name, _, value = piece.partition(sign)
        if not name.strip() or not value.strip():
            raise ReplyError(f"found {clean(piece.strip())!r}, expected a name and a value; write NAME=VALUE")
        meant = find(name, moment, knowledge)
        if meant.kind != "finding":
            raise ReplyError(f"only an answer can be changed or supposed, and {meant.id} is a conclusion; name a finding")
        if meant.id in answers:
            raise ReplyError(f"{meant.id} is given twice; keep one of them")
        answers[meant.id] = read_value(knowledge.vocabulary.findings[meant.id], value)
    return answers


def read_suppositions(text: str, moment: Moment, knowledge: KnowledgeBase) -> dict[str, Value]:
    """Read what is to be supposed, as `read_assignments` does. Raises ReplyError or UnknownName."""
    supposed: dict[str, Value] = {}
    for name, written in read_assignments(text, moment, knowledge).items():
        observed = read_answer(knowledge.vocabulary.findings[name], written)
        if observed is None:
            raise ReplyError("an unknown answer changes nothing; write a value")
        supposed[name] = observed.value
    return supposed


def _names(knowledge: KnowledgeBase) -> Iterator[tuple[str, Meant]]:
    groups: tuple[tuple[Subject, Mapping[str, object]], ...] = (
        ("step", knowledge.next_steps),
        ("finding", knowledge.vocabulary.findings),
        ("sign", knowledge.warning_signs),
        ("cause", knowledge.causes),
    )
    for kind, group in groups:
        for entry_id, entry in group.items():
            yield entry_id.replace("_", " ").casefold(), Meant(kind, entry_id)
            label = getattr(entry, "label", None)
            if label:
                yield str(label).casefold(), Meant(kind, entry_id)
