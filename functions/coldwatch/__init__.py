"""Coldwatch's library. Pure packages (`telemetry`, `provisioning`); `adapters` alone speaks to AWS; `settings` alone
reads the environment.
"""
