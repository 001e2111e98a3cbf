"""How patients' data come in: case files in YAML, JSON and JSON Lines."""
