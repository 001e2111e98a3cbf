"""Lines of a terminal's width."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.rendering import wrapped

words = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(["a", "dose-dependent", "x" * 120, "", " ", "\n"])
indents = st.sampled_from([("", ""), ("  ", "      "), ("    · ", "      ")])


@given(st.lists(words, max_size=40).map(" ".join), indents)
def test_lines_are_filled_as_textwrap_fills_them(text: str, indents: tuple[str, str]) -> None:
    first, rest = indents
    filled = textwrap.fill(
        text, 92, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False, break_long_words=False
    )
    assert wrapped(text, first, rest) == filled


@pytest.mark.parametrize("length", range(88, 97))
def test_a_word_that_just_fits_stays_on_its_line(length: int) -> None:
    text = f"{'a ' * ((length - 3) // 2)}{'b' * (3 + (length - 3) % 2)} c"
    assert wrapped(text) == textwrap.fill(text, 92, break_on_hyphens=False, break_long_words=False)
