"""What is answered when a clinician asks back: why, how, why not and what if, for the place of the page that asked."""

from expert.consultation import replies
from expert.consultation.answer_log import AnswerRefused
from expert.consultation.asking.page import ScreenAsked
from expert.consultation.explaining import how, why, why_not, why_page
from expert.consultation.meant import find, read_suppositions
from expert.consultation.what_if import what_if
from expert.web.pages.questions import Reply
from expert.web.pages.sitting import Sitting
from expert.web.service import Refused
from facts.problems import UnknownName
from facts.vocabulary import Value
from reports.words.cleaning import clean
from reports.words.explaining import Line, explain
from reports.words.wording import sentence

ASKS = ("why", "why_page", "how", "why_not", "what_if")
_BESIDE = ("how", "why_not", "what_if")
_LONGEST = 200


def asked_back(sitting: Sitting) -> Reply:
    """Answer what was asked back; what cannot be answered is explained instead. Raises Refused for what is no such question."""
    ask, _, about = sitting.visit.form["ask"].partition(":")
    if ask not in ASKS:
        raise Refused(400, "This page cannot be asked that.")
    sitting.record("asked back", ask)
    try:
        return _reply(sitting, ask, about)
    except (UnknownName, replies.ReplyError, AnswerRefused) as error:
        return Reply("beside" if ask in _BESIDE else "page", [Line(0, sentence(clean(str(error))))])


def _reply(sitting: Sitting, ask: str, about: str) -> Reply:
    moment, form = sitting.moment, sitting.visit.form
    consultation, knowledge = sitting.consultation, sitting.service.knowledge
    if ask == "why_page":
        if not isinstance(moment.next, ScreenAsked):
            return Reply("page", [Line(0, "There is nothing left to ask.")])
        return Reply("page", explain(why_page(moment, moment.next), knowledge))
    if ask == "what_if":
        return Reply("beside", explain(what_if(moment, _supposed(sitting), consultation), knowledge))
    meant = find(about or form.get("about", ""), moment, knowledge)
    if ask == "why":
        if meant.kind != "finding":
            raise replies.ReplyError("only of a question can be said why it is asked")
        return Reply(meant.id, explain(why(moment, meant.id, consultation), knowledge))
    if ask == "how":
        return Reply("beside", explain(how(moment, meant), knowledge))
    if meant.kind not in ("cause", "sign"):
        raise replies.ReplyError(f"ask this of a cause or a warning sign; {meant.id} is neither")
    return Reply("beside", explain(why_not(moment, meant, consultation), knowledge))


def _supposed(sitting: Sitting) -> dict[str, Value]:
    form = sitting.visit.form
    text = f"{form.get('supposed', '')[:_LONGEST]}={form.get('value', '')[:_LONGEST]}"
    return read_suppositions(text, sitting.moment, sitting.service.knowledge)
