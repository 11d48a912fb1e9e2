"""How devices come into the registry and what it knows of their connections, as pure functions."""
