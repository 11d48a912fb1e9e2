"""Devices: the registry, the allow-list of serials, gateways' children, certificates."""
