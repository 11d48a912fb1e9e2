"""What somebody must answer for: its lifecycle, who is told when, and the links they answer by, as pure functions."""
