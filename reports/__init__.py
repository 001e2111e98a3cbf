"""What is said to people: conditions in English, and the explained report as text, Markdown, HTML and JSON."""
