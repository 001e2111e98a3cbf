"""Showing a page of questions at a terminal, and reading the replies to its parts."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from expert.consultation import naming, replies
from expert.consultation.answer_log import NO_MORE, RESULTS, SOME
from expert.consultation.asking.page import ScreenAsked
from expert.consultation.moments import Moment
from expert.consultation.progress import page_reason, progress
from facts.requirements import answer_text
from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding, YesNoFinding
from knowledge_base.interview import opens_a_page
from knowledge_base.model import KnowledgeBase
from reports.words.cleaning import clean
from reports.words.questions import split_question
from reports.words.wording import unit_text

_PROMPTS = {
    "history": "numbers (2 5; n: none of these; u: unknown; ?): ",
    "examination": "found (2 5; 2 n: the rest examined, and absent; n: nothing found; u: not examined; ?): ",
    "test": "available (1=3.1 n4; n: none; ?): ",
}
_Read = TypeVar("_Read")


class Terminal(Protocol):
    """Where the conversation is held."""

    def say(self, text: str = "", style: str = "") -> None:
        """Show a line; `style` is heading, danger, quiet or nothing, and reads without colour too."""

    def ask(self, prompt: str) -> str:
        """Read a line. Raises EOFError when there is no more, KeyboardInterrupt when it was broken off."""


class PageReader(ABC):
    """Shows pages and reads replies; whoever holds the conversation carries out commands."""

    terminal: Terminal
    knowledge: KnowledgeBase
    moment: Moment
    shown: Moment | None = None
    is_begun: bool = False
    """Whether something of the page in sight was answered."""
    denied: frozenset[str] = frozenset()
    """The signs of the page in sight that are absent because nobody named them."""

    @abstractmethod
    def command(self, text: str) -> bool:
        """Carry out a command; False when the text is none."""

    def show(self, asked: ScreenAsked) -> None:
        """Show a page: where we stand, and the numbered questions under the lead-in of each section, with the reason."""
        self.terminal.say()
        number = self.moment.screens + 1
        self.terminal.say(f"{number} · {asked.screen.label}   [{progress(self.moment, self.knowledge)}]", "heading")
        reason = page_reason(self.moment, asked, self.knowledge)
        if reason:
            self.terminal.say(reason, "quiet")
        place = 0
        for section in asked.sections:
            if not section.questions:
                continue
            self.terminal.say(section.screen.lead_in)
            for name in section.questions:
                place += 1
                if asked.in_full and name in section.screen.rows:
                    self.terminal.say(f" {section.screen.rows[name]}")
                finding = self.knowledge.vocabulary.findings[name]
                # What opens a page of its own stands for many signs, and only its question names them.
                is_whole = opens_a_page(name, section.screen.ask, self.knowledge.vocabulary)
                told = section.screen.short.get(name, finding.label) if asked.in_full else finding.label
                shown, listed = split_question(finding.question) if is_whole else (_with_values(told, finding), ())
                self.terminal.say(f"  {place:>2} {shown}")
                for sign in listed:
                    self.terminal.say(f"     · {sign}")

    def section(self, asked: ScreenAsked) -> dict[str, Any] | None:
        """Read the answers to one part of a page. None when a command led elsewhere."""
        screen = asked.screen
        if screen.medicines:
            return self.medicines()
        if screen.results:
            read = self.read(f"  {screen.lead_in} (K 2.9, …; n: none): ", self.by_name)
            return None if read is None else {**read, RESULTS: SOME if read else NO_MORE}
        if screen.anything:
            return self.read(f"  {screen.lead_in} (words, commas between; Enter: nothing else): ", self.by_name)
        return self.answers(asked)

    def answers(self, asked: ScreenAsked) -> dict[str, Any] | None:
        """Read the reply to numbered questions, and then what it left open. None when a command led elsewhere."""
        findings = [self.knowledge.vocabulary.findings[name] for name in asked.questions]
        answers: dict[str, Any] = {}
        prompt = _prompt(asked, findings)
        while True:
            reply = self.read(prompt, lambda text: replies.read_reply(asked, text, self.knowledge), by_name=True)
            if reply is None:
                return None
            answers.update(reply[0])
            self.denied = (self.denied - reply[0].keys()) | reply[1]
            self.is_begun = True
            if asked.screen.by == "test":
                return {**answers, **{finding.id: answers.get(finding.id) for finding in findings}}
            signs = [finding for finding in findings if isinstance(finding, YesNoFinding)]
            if all(finding.id in answers or finding.id in asked.each for finding in signs):
                break
            # Values alone say nothing about the signs beside them.
            prompt = "and of the signs (numbers; n: none; u: unknown): "
        left = [finding for finding in findings if finding.id not in answers]
        # What an answer opened ("since when?") is asked for; any other value is left open, and that is said.
        opened = [] if asked.in_full else [finding for finding in left if finding.requires is not None or len(findings) == 1]
        silent = [finding for finding in left if finding not in opened]
        if silent:
            state = "Not asked" if asked.in_full else "Left unknown"
            self.terminal.say(f"  {state}: {'; '.join(finding.label for finding in silent)}.", "quiet")
        if not asked.in_full:
            answers |= {finding.id: None for finding in silent}
        for finding in opened:
            value = self.value(finding)
            if value is None:
                return None
            answers[finding.id] = value[0]
        return answers

    def value(self, finding: Finding) -> tuple[Any] | None:
        """Ask for one value; None in a tuple is "unknown". None when a command led elsewhere."""
        if isinstance(finding, ChoiceFinding):
            for place, choice in enumerate(finding.choices, start=1):
                self.terminal.say(f"      {place} {choice.replace('_', ' ')}")
        prompt = f"  {finding.question} [Enter: unknown] "
        return self.read(prompt, lambda text: (replies.read_value(finding, text),))

    def medicines(self) -> dict[str, Any] | None:
        """Ask for the medicine lists, and say what was recognized. None when a command led elsewhere."""
        prompt = "  Current medicines, all of them (commas between; n: none; u: unknown): "
        current = self.read(prompt, lambda text: (replies.read_medicines(text),))
        if current is None:
            return None
        self.is_begun = True
        names = current[0] and [self.recognize(text) for text in current[0]]
        prompt = "  Stopped in the last months (NAME 3 days ago after 26 weeks, …; n: none; u: unknown): "
        stopped = self.read(prompt, lambda text: (replies.read_stopped(text),))
        if stopped is None:
            return None
        entries = stopped[0] and [{**entry, "name": self.recognize(entry["name"])} for entry in stopped[0]]
        return dict(replies.lists(names, entries))

    def by_name(self, text: str) -> dict[str, Any]:
        """Read findings by name, or that there is none. Raises ReplyError."""
        folded = text.strip().casefold()
        return {} if not folded or folded in replies.NONE else self.told(text)

    def told(self, text: str) -> dict[str, Any]:
        """Read findings by name, and say what was recognized. Raises ReplyError."""
        read = [self.choose(part) for part in naming.split(text)]
        for one in read:
            value = "" if one.value is True else f": {clean(answer_text(one.value))}"
            self.terminal.say(f"    {clean(one.text)} → {one.finding.label}{value}", "quiet")
        return {one.finding.id: one.value for one in read}

    def choose(self, text: str) -> naming.Told:
        """Read one finding by name; where several may be meant, let one be chosen. Raises ReplyError."""
        try:
            return naming.read_told(text, self.knowledge.vocabulary)
        except naming.Ambiguous as error:
            self.terminal.say(f"  {clean(text)} may be:")
            for place, finding in enumerate(error.matches, start=1):
                self.terminal.say(f"    {place} {finding.label}")
            chosen = self.terminal.ask("  which number (Enter: none of them): ").strip()
            if not chosen.isdigit() or not 1 <= int(chosen) <= len(error.matches):
                raise replies.ReplyError(f"{text.strip()!r} was not recorded; type more of it") from None
            finding = error.matches[int(chosen) - 1]
            return naming.Told(finding, naming.read(finding, error.value), text)

    def read(self, prompt: str, reader: Callable[[str], _Read], *, by_name: bool = False) -> _Read | None:
        """Read a reply, explaining what cannot be read; commands are carried out. None when one of them led elsewhere.

        `by_name` also takes a finding by its very name with a value ("K 2.9").
        """
        while True:
            text = self.terminal.ask(prompt)
            if by_name and naming.is_named(text, self.knowledge.vocabulary):
                text = f"+{text}"
            if text.strip() and self.command(text):
                if self.shown is not self.moment:
                    return None
                continue
            try:
                return reader(text)
            except replies.ReplyError as error:
                self.terminal.say(f"  {clean(str(error))}")

    def recognize(self, text: str) -> str:
        """Say what a medicine was taken for; returns its name, written out where only its beginning was typed."""
        name = replies.write_out(text, self.knowledge.dictionary)
        found = self.knowledge.dictionary.recognize(name)
        if found.medicines and list(found.medicines) != [text.strip().casefold()]:
            self.terminal.say(f"    {clean(text)} → {', '.join(found.medicines)}", "quiet")
        if found.doubt:
            self.terminal.say(f"    {clean(text)}: {clean(found.doubt)}")
        return name


def _prompt(asked: ScreenAsked, findings: list[Finding]) -> str:
    if len(findings) == 1:
        return "yes, no or unknown: " if isinstance(findings[0], YesNoFinding) else "value, or unknown: "
    return _PROMPTS[asked.screen.by]


def _with_values(label: str, finding: Finding) -> str:
    if isinstance(finding, QuantityFinding):
        return f"{label} ({unit_text(finding) or 'number'})"
    if isinstance(finding, ChoiceFinding):
        return f"{label} ({', '.join(choice.replace('_', ' ') for choice in finding.choices)})"
    return label
