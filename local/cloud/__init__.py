"""What runs inside the local cloud's own process: MiniStack, and one small module per gap that is mended.

Every module here but `upstream` and the pure cores (`*_logic`) runs in the cloud's environment, not in `.venv`.
A mend has `WRAPS`, the upstream names it leans on, and `install()`, which puts it in place.
"""
