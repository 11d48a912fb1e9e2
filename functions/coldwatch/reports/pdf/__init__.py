"""The report on paper: A4, of vectors and text, with its own letters in it. The same bytes for the same report."""
