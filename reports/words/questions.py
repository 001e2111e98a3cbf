"""A question that names many signs, taken apart so that what "no" denies can be read off."""

from facts.language.speaking import say


def split_question(question: str) -> tuple[str, tuple[str, ...]]:
    """Return the question itself, and the signs that it names after a colon; none where it names no list."""
    head, colon, signs = question.rstrip("?").partition(": ")
    if not colon:
        return question, ()
    return f"{head}?", tuple(sign.removeprefix(f"{say('or')} ") for sign in signs.split("; "))
