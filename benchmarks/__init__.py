"""The engine beside its peers: same data, same answer, one run.

`make bench` runs it; docs/benchmarks.md says how to read it.
"""
