"""How the vocabulary and the knowledge are declared: YAML with its places, read against models."""
