"""What is said of the knowledge itself: the handbook, one entry, a change, the questionnaire."""
