"""The conversation of a consultation: pages are shown, replies and commands read, answers kept before the next question.

The terminal is given: a line of text in, lines of text out. What is decided here is only what is said when. What is asked back
is answered in `asking_back`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from expert.consultation import naming, replies
from expert.consultation.answer_log import NO_MORE, RESULTS, SOME, AnswerRefused, Log
from expert.consultation.asking_back import ASKED_BACK, answer_back
from expert.consultation.explanation import read_assignments
from expert.consultation.moments import Consultation, Moment
from expert.consultation.next_question import Certificate
from expert.consultation.page import ScreenAsked, Section
from expert.consultation.progress import kept_open, no_longer_standing, page_reason, progress, status, why_stopped
from expert.consultation.sessions import Session, Store
from expert.private_sqlite import StoreError
from facts.problems import UnknownName
from facts.requirements import answer_text
from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding, YesNoFinding
from knowledge_base.interview import opens_a_page
from reports.cleaning import clean
from reports.wording import unit_text

EXAMPLES = (
    "2 5          questions 2 and 5 are so (on a page of history the others are then absent)",
    "1=67 f 3     question 1 is 67, the sex is female, and 3 is so",
    "+ dark urine   something the page does not ask; with a value: + K 2.9",
)
COMMANDS = (
    ("+ NAME [VALUE]", "record something that is not asked here, found by any word: + tingling lips, + K 2.9, + no fever"),
    ("why [N]", "why this page, or its question N, is asked, and what each answer would do"),
    ("how [NAME]", "how the urgency, a cause or a warning sign was concluded"),
    ("why not NAME", "which rules of a cause or warning sign hold, are open, or fail"),
    ("what if NAME=VALUE", "what another answer, or several (A=yes, B=sudden), would change, without recording it"),
    ("status", "where the assessment stands, and what is open"),
    ("change NAME=VALUE", "change an answer that was given; change medicines asks for the lists again"),
    ("open", "which answers of “unknown” keep which conclusion open"),
    ("more", "go on with everything that could still change something, pertinent or not"),
    ("undo", "undo the last step, or begin this page again"),
    ("report", "the report of what is known so far"),
    ("quit", "stop here; every answer is saved"),
)
_HOW_TO = {
    "history": "Type the numbers that apply; the other signs are recorded as absent (rest u leaves them open). n: none.",
    "examination": "Type the numbers of what was found. The others stay unknown, or with n at the end: examined, and absent.",
    "test": "Type what is available: 1=3.1 mmol/l gives a value, 4 says yes and n4 says no. What is not named stays unknown.",
}
_HOW_TO_MORE = "u3 leaves 3 unknown, n3 says no, 2-4 names all three; u leaves the whole page open."
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


class _Quit(Exception):
    pass


@dataclass
class Conversation:
    """One consultation, held at a terminal. `store` may be None: then nothing is kept."""

    consultation: Consultation
    terminal: Terminal
    session: Session
    store: Store | None
    clock: Callable[[], str]
    report: Callable[[Moment], str]

    def __post_init__(self) -> None:
        self.log: Log = self.session.log
        self.knowledge = self.consultation.knowledge
        self.moment = self.consultation.moment(self.log, self.session.name)
        self.shown: Moment | None = None
        self.is_begun = False
        """Whether something of the page in sight was answered, so that "undo" begins it again."""
        self.is_lost = False
        """Whether the last answers could not be kept."""

    def hold(self) -> Moment:
        """Ask until the consultation may stop or somebody stops it; gives where it stands then."""
        try:
            if self.log:
                self.terminal.say(f"Resumed: {progress(self.moment, self.knowledge)}", "quiet")
                self.announce(None)
            while True:
                if self.shown is not self.moment:
                    self.present()
                self.turn()
        except _Quit:
            pass
        except (EOFError, KeyboardInterrupt):
            self.terminal.say()
        if self.store is not None:
            kept = "What was answered before is saved" if self.is_lost else "Saved"
            self.terminal.say(f"{kept}. Resume with: charley sessions resume {self.session.id}", "quiet")
        return self.moment

    # One page

    def present(self) -> None:
        """Show the next page, or why there is none; once, and again only when an answer changed something."""
        if isinstance(self.moment.next, Certificate):
            self.certify(self.moment.next)
        else:
            self.show(self.moment.next)
        self.shown, self.is_begun = self.moment, False

    def turn(self) -> None:
        """Take one reply or command."""
        asked = self.moment.next
        if isinstance(asked, Certificate):
            self.terminal.say(
                "report, more (asks whatever could change anything), open, change, undo, how, why not, + NAME, or quit.",
                "quiet",
            )
            text = self.terminal.ask("> ")
            if not text.strip():
                raise _Quit
            if not self.command(text):
                self.terminal.say(f"{clean(text)!r} is not a command; ? lists them")
            return
        answers: dict[str, Any] = {}
        for section in _in_turn(asked):
            read = self.section(section)
            if read is None:
                return
            answers |= read
            self.is_begun = True
        self.record(asked.screen.id, answers)

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
                self.terminal.say(f"  {place:>2} {finding.question if is_whole else _with_values(told, finding)}")

    def answers(self, asked: ScreenAsked) -> dict[str, Any] | None:
        """Read the reply to numbered questions, and then what it left open. None when a command led elsewhere."""
        findings = [self.knowledge.vocabulary.findings[name] for name in asked.questions]
        answers: dict[str, Any] = {}
        prompt = _prompt(asked, findings)
        while True:
            read = self.read(prompt, lambda text: replies.read_screen(asked, text, self.knowledge), by_name=True)
            if read is None:
                return None
            answers.update(read)
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
        for text in current[0] or []:
            self.recognize(text)
        prompt = "  Stopped in the last months (NAME 3 days ago after 26 weeks, …; n: none; u: unknown): "
        stopped = self.read(prompt, lambda text: (replies.read_stopped(text),))
        if stopped is None:
            return None
        for entry in stopped[0] or []:
            self.recognize(entry["name"])
        return dict(replies.lists(current[0], stopped[0]))

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

    def recognize(self, text: str) -> None:
        """Say what a medicine was taken for."""
        found = self.knowledge.dictionary.recognize(text)
        if found.medicines and list(found.medicines) != [text.strip().casefold()]:
            self.terminal.say(f"    {clean(text)} → {', '.join(found.medicines)}", "quiet")
        if found.doubt:
            self.terminal.say(f"    {clean(text)}: {clean(found.doubt)}")

    # Answers

    def record(self, screen: str, answers: dict[str, Any]) -> None:
        """Keep answers, then say what they revealed. What cannot stand is explained, and asked again."""
        try:
            log, moment = self.consultation.answered(self.log, self.session.name, screen, answers, self.clock())
        except AnswerRefused as error:
            for problem in error.problems:
                self.terminal.say(f"  {clean(problem)}")
            return
        self.keep(log, moment)

    def keep(self, log: Log, moment: Moment) -> None:
        """Put a longer log on disk; only then does it count."""
        if self.store is not None:
            try:
                self.session = self.store.append(self.session, log)
            except StoreError as error:
                self.terminal.say(f"NOT SAVED: {clean(str(error))}", "danger")
                self.is_lost = True
                self.terminal.say("The answers, so that they are not lost:")
                for event in log[len(self.log) :]:
                    for name, value in event.answers.items():
                        self.terminal.say(f"  {name} = {'unknown' if value is None else clean(str(value))}")
                raise _Quit from None
        before, self.log, self.moment = self.moment, log, moment
        self.announce(before)

    def announce(self, before: Moment | None) -> None:
        """Say at once when a danger shows, why, and what to do; and leave the choice to stop there."""
        dangers = self.consultation.dangers(before, self.moment)
        if not dangers:
            return
        level = self.knowledge.levels[dangers[0].level]
        self.terminal.say()
        self.terminal.say(f"!! {level.label.upper()} !! {level.says}", "danger")
        for sign in dangers:
            self.terminal.say(f"  ! {sign.label}: {clean(sign.because)}", "danger")
        for step in self.moment.assessment.next_steps:
            if step.level == dangers[0].level and not step.done:
                self.terminal.say(f"    → {step.do}")
        if before is not None and isinstance(self.moment.next, ScreenAsked):
            reply = self.terminal.ask("Press Enter for the questions that matter now, or type stop to end: ")
            if reply.strip().casefold() in ("stop", "s", "quit", "q"):
                self.terminal.say(self.report(self.moment))
                raise _Quit

    def certify(self, certificate: Certificate) -> None:
        """Say why it stopped, and what stands."""
        self.terminal.say()
        lines = why_stopped(certificate, self.moment, self.knowledge)
        self.terminal.say(lines[0], "heading")
        for line in [*lines[1:], *status(self.moment, self.knowledge)]:
            self.terminal.say(line)

    # Commands

    def command(self, text: str) -> bool:
        """Carry out a command; False when the text is none."""
        stripped = text.strip()
        if stripped.startswith("+"):
            self.attempt(lambda: self.add(stripped[1:]))
            return True
        first, _, rest = stripped.partition(" ")
        first, rest = first.casefold(), " ".join(rest.split())
        plain = {
            "?": self.help,
            "help": self.help,
            "status": lambda: self.tell(status(self.moment, self.knowledge)),
            "report": lambda: self.terminal.say(self.report(self.moment)),
            "open": self.open,
            "more": self.more,
            "undo": self.undo,
        }
        if first in ("quit", "exit", "q"):
            raise _Quit
        if first in plain and not rest:
            plain[first]()
        elif first == "change":
            self.attempt(lambda: self.change(rest))
        elif first in ASKED_BACK:
            self.attempt(lambda: self.tell(answer_back(first, rest, self.moment, self.consultation)))
        else:
            return False
        return True

    def attempt(self, do: Callable[[], None]) -> None:
        """Do something, and explain what keeps it from being done."""
        try:
            do()
        except (UnknownName, replies.ReplyError, AnswerRefused) as error:
            self.terminal.say(f"  {clean(str(error))}")

    def add(self, text: str) -> None:
        """Record what the page does not ask."""
        self.change_to(self.told(text))

    def more(self) -> None:
        """Ask from here on whatever could change anything."""
        self.consultation = Consultation(self.consultation.assessor, thorough=True)
        self.moment = self.consultation.moment(self.log, self.session.name)

    def change(self, text: str) -> None:
        """Change answers that were given, wherever it was, or the medicine lists."""
        if text.casefold() in ("medicines", "medicine", "medication"):
            lists = self.medicines()
            if lists is not None:
                self.change_to(lists)
            return
        answers = read_assignments(text, self.moment, self.knowledge)
        self.change_to(answers)
        for name, value in answers.items():
            label = self.knowledge.vocabulary.findings[name].label
            self.terminal.say(f"  {label}: {'unknown' if value is None else clean(answer_text(value))}", "quiet")

    def change_to(self, answers: dict[str, Any]) -> None:
        """Record answers outside of a page, and say which others no longer stand. Raises AnswerRefused."""
        if not answers:
            return
        log, moment = self.consultation.changed(self.log, self.session.name, answers, self.clock())
        before = self.moment
        self.keep(log, moment)
        for line in no_longer_standing(before, moment, answers, self.knowledge):
            self.terminal.say(f"  {line}", "quiet")

    def open(self) -> None:
        """Say what every answer of "unknown" keeps open."""
        certificate = self.consultation.questioner.certificate(self.moment.known, self.moment.prospect)
        self.tell(kept_open(certificate, self.knowledge) or ["No answer of “unknown” keeps anything open."])

    def undo(self) -> None:
        """Take the last step back: what was answered of this page, or else the page before."""
        if self.is_begun:
            self.terminal.say("  This page begins again.", "quiet")
            self.shown = None
            return
        log = self.consultation.undone(self.log, self.clock())
        if log == self.log:
            self.terminal.say("  There is nothing to undo.")
            return
        self.keep(log, self.consultation.moment(log, self.session.name))
        self.terminal.say("  The last step was undone.", "quiet")

    def tell(self, lines: list[str]) -> None:
        """Show lines that may quote what was typed."""
        for line in lines:
            self.terminal.say(line)

    def help(self) -> None:
        """Show what can be typed by three examples, then the commands, and what the questions of the page mean."""
        for example in EXAMPLES:
            self.terminal.say(f"  {example}")
        asked = self.moment.next
        if isinstance(asked, ScreenAsked):
            self.terminal.say(_HOW_TO[asked.screen.by])
            self.terminal.say(_HOW_TO_MORE)
            for place, name in enumerate(asked.questions, start=1):
                finding = self.knowledge.vocabulary.findings[name]
                self.terminal.say(f"  {place:>2} {finding.question} {finding.help}".rstrip())
        for command, says in COMMANDS:
            self.terminal.say(f"  {command:<20} {says}")


def _in_turn(asked: ScreenAsked) -> list[ScreenAsked]:
    """Return the parts of a page that are answered one after the other: the numbered questions, then each other section."""
    numbered = tuple(section for section in asked.sections if section.questions)
    others: list[tuple[Section, ...]] = [(section,) for section in asked.sections if not section.questions]
    return [ScreenAsked(sections, asked.in_full) for sections in [numbered, *others] if sections]


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
