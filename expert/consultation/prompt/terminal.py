"""Where a consultation is held: a terminal with colours and line editing, or plain lines through a pipe."""

import os
import shutil
import sys
from collections.abc import Iterable
from typing import TextIO

_STYLES = {"heading": "bold", "danger": "bold white on red", "quiet": "dim"}
_PLAIN = str.maketrans(
    {"·": "-", "→": "->", "…": "...", "“": '"', "”": '"', "’": "'", "–": "-", "≥": ">=", "≤": "<=", "≈": "~", "°": "", "×": "x"}
)


class PlainTerminal:
    """Plain lines: for pipes, and for screen readers. Every style reads as text alone."""

    def __init__(self, source: TextIO, target: TextIO) -> None:
        self.source, self.target = source, target

    def say(self, text: str = "", style: str = "") -> None:
        """Write a line."""
        del style
        print(showable(text, self.target), file=self.target, flush=True)

    def ask(self, prompt: str) -> str:
        """Write the prompt and read a line. Raises EOFError at the end of the input."""
        print(showable(prompt, self.target), end="", file=self.target, flush=True)
        line = self.source.readline()
        if not line:
            raise EOFError
        text = line.rstrip("\n")
        if not self.source.isatty():
            # What came through a pipe is not echoed; a transcript reads better with it.
            print(showable(text, self.target), file=self.target, flush=True)
        return text


class RichTerminal:
    """A terminal with colours (rich) and line editing (prompt_toolkit). Nothing that is typed is kept as history on disk."""

    def __init__(self, words: Iterable[str]) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.completion import FuzzyWordCompleter
        from rich.console import Console

        width = min(shutil.get_terminal_size().columns, 100)
        self.console = Console(highlight=False, width=width, soft_wrap=False)
        self.session: PromptSession[str] = PromptSession(
            completer=FuzzyWordCompleter(sorted(words)), complete_while_typing=False
        )

    def say(self, text: str = "", style: str = "") -> None:
        """Show a line, wrapped to the width; a long one continues under its own beginning."""
        from rich.padding import Padding
        from rich.text import Text

        indent = len(text) - len(text.lstrip())
        told = Text(showable(text, sys.stdout).strip(), style=_STYLES.get(style, ""))
        self.console.print(Padding(told, (0, 0, 0, indent)) if indent else told)

    def ask(self, prompt: str) -> str:
        """Read a line with editing and completion. Raises EOFError on Ctrl-D, KeyboardInterrupt on Ctrl-C."""
        return self.session.prompt(showable(prompt, sys.stdout))


def showable(text: str, target: TextIO) -> str:
    """Return the text with what its console cannot show written in plain characters."""
    encoding = getattr(target, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return text.translate(_PLAIN).encode("ascii", "replace").decode("ascii")
    return text


def fitting(words: Iterable[str]) -> PlainTerminal | RichTerminal:
    """Return the terminal that fits: colours and editing where it can be driven, else plain lines."""
    if sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") != "dumb":
        try:
            return RichTerminal(words)
        except Exception:
            # prompt_toolkit raises whatever its console raises; plain lines always work.
            return PlainTerminal(sys.stdin, sys.stdout)
    return PlainTerminal(sys.stdin, sys.stdout)
