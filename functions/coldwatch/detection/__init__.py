"""Detectors that outlive the process: when one is evaluated, what of it is stored, and what it asks for. Pure, save
that `commit` and `frontier` speak to the outside through `ports`.
"""
