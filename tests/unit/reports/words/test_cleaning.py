"""What `clean` lets through: text that means only itself, whichever way it is looked at."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from reports.words.cleaning import clean


@given(st.text())
def test_clean_text_is_one_line_without_anything_that_drives_a_terminal(text: str) -> None:
    cleaned = clean(text)
    assert cleaned == cleaned.strip() and "  " not in cleaned
    assert not {unicodedata.category(character) for character in cleaned} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert clean(cleaned) == cleaned


def test_what_can_be_printed_stays_as_it_is_and_what_cannot_is_seen() -> None:
    assert clean("Zürich 3.1 mmol/L → high") == "Zürich 3.1 mmol/L → high"
    assert clean("a\tb\u00a0c\nd") == "a b c d"
    assert clean("a\u202eb\x1b[31m") == "a\ufffdb\ufffd[31m"
