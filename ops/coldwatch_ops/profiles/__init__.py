"""Profiles as files, and the history of their changes: old, new, who, when and why."""
