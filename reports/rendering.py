"""How templates of text, Markdown and HTML are rendered with Jinja2."""

import re
import textwrap
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, TypeAlias

import jinja2

from facts.language.speaking import Language, say, spoken
from reports.template_words import TemplateWords
from reports.words.wording import lower_label

Markup: TypeAlias = Literal["text", "markdown", "html"]
"""What templates are written in, each with its own way to make text mean only itself."""

_WIDTH = 92
_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def environment(markup: Markup) -> jinja2.Environment:
    """Return what renders the templates of one markup, in the language that is spoken."""
    return _environment(markup, spoken())


@cache
def _environment(markup: Markup, language: Language | None) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=markup == "html",  # noqa: S701 - text and Markdown are not HTML; Markdown has its own escape in `finalize`
        finalize=escape_markdown if markup == "markdown" else None,
        undefined=jinja2.StrictUndefined,
        # The templates are part of the program, and change only with it.
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    if language is not None:
        environment.extend(spoken=language)
        environment.add_extension(TemplateWords)
        environment.filters["lower"] = lower_label
    environment.filters["wrapped"] = wrapped
    environment.filters["numbers"] = numbers
    # A single word in quotes could be a name for the program; this says that it is for readers.
    environment.filters["said"] = say
    return environment


def markdown_environment(finalize: Callable[[Any], Any]) -> jinja2.Environment:
    """Return the templates of Markdown with another way to make text mean only itself."""
    return environment("markdown").overlay(finalize=finalize)


def wrapped(text: str, first: str = "", rest: str = "") -> str:
    """Fill lines to a terminal's width, the first with one indent and the others with another; no word is broken."""
    text = text.rstrip(" ")
    if not text or text[0] == " " or "  " in text or not text.isprintable():
        return textwrap.fill(
            text, _WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False, break_long_words=False
        )
    # What textwrap makes of words with one space between, five times as fast; a report has fifty such texts.
    lines, start, indent = [], 0, first
    while len(text) - start > (room := _WIDTH - len(indent)):
        end = text.rfind(" ", start, start + room + 1)
        if end < 0 and (end := text.find(" ", start)) < 0:
            break
        lines.append(indent + text[start:end])
        start, indent = end + 1, rest
    lines.append(indent + text[start:])
    return "\n".join(lines)


def numbers(sources: tuple[int, ...]) -> str:
    """Write the numbers of sources: "[1, 3]"."""
    return f"[{', '.join(str(number) for number in sources)}]" if sources else ""


def escape_markdown(value: Any) -> Any:
    """Make text mean only itself in Markdown, where it also stands for HTML."""
    if not isinstance(value, str):
        return value
    escaped = _MARKDOWN_SPECIAL.sub(r"\\\1", value)
    # At the start of a line a number or sign would begin a list or a heading.
    return re.sub(
        r"^(\d+)([.)])(?=\s|$)|^([-+=])", lambda found: f"{found[1]}\\{found[2]}" if found[1] else f"\\{found[3]}", escaped
    )
