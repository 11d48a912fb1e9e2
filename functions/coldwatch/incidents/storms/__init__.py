"""Many incidents at once: what they have in common is told once, and nobody is sent more than they can read. Pure."""
