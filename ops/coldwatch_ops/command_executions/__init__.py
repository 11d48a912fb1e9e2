"""Commands to devices: sending them, and reading what became of them."""
