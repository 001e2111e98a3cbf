"""The kinds of resources that tell of a patient, each read by a module of its own."""
