"""Consultations held with a script: what it answers is found by what a screen shows, so that screens may come and go.

A script is YAML: `answers` by the label or question that is shown, `commands` by the heading of the screen before whose answer
they are typed, and what is typed at the `end`. It may answer more than is asked: a sign that it does not name is absent, and
any other question stays unanswered.
"""

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

from expert.command_line import main
from expert.consultation.prompt.terminal import PlainTerminal
from facts.declaring.yaml_reading import read_document

_LISTED = re.compile(r"^ +(\d+) (.+)$")

_MOST = 200
"""Replies of one consultation; more means that one of them is refused again and again."""


class ScriptedTerminal(PlainTerminal):
    """Plain lines, answered from a script; `typed` is everything that was typed."""

    def __init__(self, script: Mapping[str, Any], target: io.StringIO) -> None:
        super().__init__(io.StringIO(), target)
        self.answers: dict[str, str] = script.get("answers", {})
        self.commands: dict[str, list[str]] = {place: list(words) for place, words in script.get("commands", {}).items()}
        self.end: list[str] = list(script.get("end", []))
        self.heading = ""
        self.listed: dict[str, str] = {}
        self.typed: list[str] = []

    def say(self, text: str = "", style: str = "") -> None:
        """Write a line, and remember what the screen is called and what it lists."""
        super().say(text, style)
        if style == "heading":
            self.heading, self.listed = text, {}
        elif found := _LISTED.match(text):
            self.listed[found[1]] = found[2]

    def ask(self, prompt: str) -> str:
        """Type what the script has for this prompt."""
        if len(self.typed) > _MOST:
            raise SystemExit(f"{prompt!r} was answered {_MOST} times and more; last with {self.typed[-1]!r}")
        reply = self.reply(prompt)
        self.typed.append(reply)
        self.source = io.StringIO(f"{reply}\n")
        return super().ask(prompt)

    def reply(self, prompt: str) -> str:
        if prompt == "> ":
            return self.end.pop(0) if self.end else "quit"
        if "type stop to end" in prompt:
            return ""
        for place, words in self.commands.items():
            if place in self.heading and words:
                return words.pop(0)
        answers = [(shown, answer) for shown, answer in self.answers.items() if shown in prompt]
        if answers:
            return answers[0][1]
        if "[Enter: unknown]" in prompt:
            return ""
        return self.numbers() or ("unknown" if prompt.startswith("value") else "none")

    def numbers(self) -> str:
        """Return the numbers of the listed signs that are present, and the values of what else is listed."""
        numbers = []
        for number, label in self.listed.items():
            for shown, answer in self.answers.items():
                if label == shown or label.startswith(f"{shown} ("):
                    numbers.append(number if answer == "yes" else f"{number}={answer}")
        self.listed = {}
        return ", ".join(numbers)


def hold(script: Path) -> tuple[str, str]:
    """Hold the consultation of a script; return everything that was shown, and everything that was typed."""
    shown = io.StringIO()
    read = cast("dict[str, Any]", read_document(script.read_text(encoding="utf-8"), script.name, typed=False).value)
    terminal = ScriptedTerminal(read, shown)
    words: Sequence[str] = ["consult", "--no-store", "--name", script.stem.replace("-", " ")]
    with patch("expert.consultation.prompt.terminal.fitting", lambda _: terminal):
        main(words, standalone_mode=False)
    left = [*(place for place, words in terminal.commands.items() if words), *terminal.end]
    if left:
        raise SystemExit(
            f"{script.name}: there was no place for {', '.join(map(repr, left))}; take it out, or name another heading"
        )
    return shown.getvalue(), "".join(f"{line}\n" for line in terminal.typed)
