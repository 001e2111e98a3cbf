"""The words of templates in another language: they stand in a template as they are read, and are looked up when it is compiled.

So a template stays readable, and in English nothing at all happens. What is looked up is a run of words: the text between
markup and values, or a quoted text in an expression, each without the white space and punctuation around it.
"""

import re
from collections.abc import Callable, Iterable, Iterator

from jinja2 import Environment
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

from facts.language.speaking import Language

# A tag, or the rest of one that began before a value, or the beginning of one that goes on behind it.
_TAGS = re.compile(r"(<[^>]*>)")
_WORDS = re.compile(r"(?P<before>[^\w(]*)(?P<words>.*?)(?P<after>[^\w)?!]*)", re.DOTALL)
_LETTERS = re.compile(r"[A-Za-z]{2}")
_CODE = re.compile(r"[{}]|=\"|#[0-9a-f]{3}")
"""What makes a line one of a stylesheet or an attribute."""
_NAME = re.compile(r"[a-z0-9_.\-/]*")
"""What a quoted text is when it is a name for the program, and not a word for a reader: "open", "report.css"."""


class TemplateWords(Extension):
    """Says the words of templates in the language of the environment (`environment.spoken`)."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """Replace the words of a template's tokens."""
        language: Language = self.environment.spoken  # type: ignore[attr-defined]
        return retell(stream, lambda words: _translated(words, language), language.tag)


def retell(stream: Iterable[Token], say: Callable[[str], str], tag: str) -> Iterator[Token]:
    """Return the tokens of a template with its words as `say` says them."""
    in_tag = False
    for token in stream:
        if token.type == "data":
            text, in_tag = _retold(token.value, say, in_tag)
            yield Token(token.lineno, "data", text.replace('<html lang="en">', f'<html lang="{tag}">'))
        elif token.type == "string" and is_for_readers(token.value) and not in_tag:
            yield Token(token.lineno, "string", _lines(token.value, say))
        else:
            yield token


def is_for_readers(quoted: str) -> bool:
    """Return whether a quoted text in a template is words for a reader, and not a name for the program."""
    return bool(_LETTERS.search(quoted)) and not _NAME.fullmatch(quoted)


def words_of(environment: Environment, source: str) -> list[str]:
    """Return the words of a template that a catalog has to have, in order, each once."""
    found: dict[str, None] = {}

    def note(words: str) -> str:
        found.setdefault(words)
        return words

    lexer = environment.lexer
    for _ in retell(lexer.wrap(lexer.tokeniter(source, None)), note, "en"):
        pass
    return list(found)


def _translated(words: str, language: Language) -> str:
    translated = language.words.get(words)
    return words if translated is None else translated


def _retold(text: str, say: Callable[[str], str], in_tag: bool) -> tuple[str, bool]:
    """Say the words between the tags of a text; gives also whether the text ends inside a tag."""
    inside, rest = ("", text)
    if in_tag:
        end = text.find(">")
        if end < 0:
            return text, True
        inside, rest = text[: end + 1], text[end + 1 :]
    begun = rest.rfind("<")
    is_open = begun >= 0 and ">" not in rest[begun:] and re.match(r"</?[a-zA-Z!]", rest[begun:]) is not None
    tail = rest[begun:] if is_open else ""
    body = rest[:begun] if is_open else rest
    parts = [part if part.startswith("<") else _lines(part, say) for part in _TAGS.split(body)]
    return inside + "".join(parts) + tail, is_open


def _lines(text: str, say: Callable[[str], str]) -> str:
    return "\n".join(_line(line, say) for line in text.split("\n"))


def _line(line: str, say: Callable[[str], str]) -> str:
    found = _WORDS.fullmatch(line)
    if found is None or _CODE.search(line) or not _LETTERS.search(found["words"]):
        return line
    return found["before"] + say(found["words"]) + found["after"]
