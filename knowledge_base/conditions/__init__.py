"""The condition language: text into a small tree, what a tree means, and the sentences that quote it."""
