"""What MiniStack does without, worse: each of these is optional to it and needed here."""

from importlib import import_module

NEEDED = {
    "duckdb": "Athena would answer made-up rows",
    "pyarrow": "Firehose could not write Parquet",
    "samtranslator": "SAM resources could not be deployed",
    "cryptography": "devices could not connect over TLS",
}


def complaints(needed: dict[str, str] = NEEDED) -> list[str]:
    """A sentence for each package that cannot be imported: what would go wrong, and what to do."""
    return [sentence for name, lost in needed.items() if (sentence := _complaint(name, lost))]


def _complaint(name: str, lost: str) -> str:
    try:
        import_module(name)
    except ImportError as error:
        return f"{name} cannot be imported ({error}): without it {lost}. Run `make setup`."
    return ""
