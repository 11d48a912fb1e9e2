"""Telemetry from its bytes to what is stored, as pure functions (standard library and msgspec only).

The way of one message, a module per step::

    envelope -> payload -> mapping -> validation -> identity -> reading -> classification -> accounting
                   any of these may say: rejection -> quarantine
"""
