"""Answers in, the next question out: a consultation as a pure function of what was answered."""
