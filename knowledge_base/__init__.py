"""What medicine says: the knowledge as YAML, the condition language, its meaning, loading and checking."""
