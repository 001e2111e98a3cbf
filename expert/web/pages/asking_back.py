"""What is answered when a clinician asks back: why, how, why not and what if, for the place of the page that asked."""

from expert.consultation import replies
from expert.consultation.answer_log import AnswerRefused
from expert.consultation.page import ScreenAsked
from expert.consultation.prompt import explanation as enquiry
from expert.consultation.what_if import what_if
from expert.web.pages.questions import Reply
from expert.web.pages.sitting import Sitting
from expert.web.service import Refused
from facts.problems import UnknownName
from reports.words.cleaning import clean
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
        return Reply("beside" if ask in _BESIDE else "page", [sentence(clean(str(error)))])


def _reply(sitting: Sitting, ask: str, about: str) -> Reply:
    moment, form = sitting.moment, sitting.visit.form
    consultation, knowledge = sitting.consultation, sitting.service.knowledge
    if ask == "why_page" and isinstance(moment.next, ScreenAsked):
        lines = enquiry.why_screen(moment, moment.next, consultation)
        return Reply("page", lines[:1] + [line for line in lines[1:] if not line.startswith("  why N")])
    if ask == "why_page":
        return Reply("page", ["There is nothing left to ask."])
    named = about or form.get("about", "")
    if ask == "why":
        meant = enquiry.find(named, moment, knowledge)
        if meant.kind != "finding":
            raise replies.ReplyError("only of a question can be said why it is asked")
        return Reply(meant.id, enquiry.why(moment, meant.id, consultation))
    if ask == "how":
        return Reply("beside", enquiry.how(moment, enquiry.find(named, moment, knowledge), consultation))
    if ask == "why_not":
        return Reply("beside", enquiry.why_not(moment, enquiry.find(named, moment, knowledge), consultation))
    return _what_if(sitting)


def _what_if(sitting: Sitting) -> Reply:
    moment, form, service = sitting.moment, sitting.visit.form, sitting.service
    text = f"{form.get('supposed', '')[:_LONGEST]}={form.get('value', '')[:_LONGEST]}"
    supposed = enquiry.read_suppositions(text, moment, service.knowledge)
    return Reply("beside", what_if(moment, supposed, sitting.consultation))
