"""One module per row, each with a class `Candidate` (streaming.py or whole.py say what it has to do)."""
