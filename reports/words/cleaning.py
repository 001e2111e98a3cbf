"""Untrusted text made fit to be read: no name or medicine can forge a line or drive a terminal."""

import unicodedata


def clean(text: str) -> str:
    """Make untrusted text one line without control, format or direction characters, which could forge or hide what is read."""
    if text.isprintable():
        # Then the only white space in it is the space, and nothing needs to be replaced.
        return " ".join(text.split())
    kept = "".join(
        " " if character.isspace() else "\ufffd" if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co") else character
        for character in text
    )
    return " ".join(kept.split())
