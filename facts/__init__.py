"""What can be known about a patient: the vocabulary, medicines, units, cases and how they are read, and assessments."""
