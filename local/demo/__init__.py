"""The demonstration: twenty devices for a minute, a real recording, an attack, and accounts that must agree."""
