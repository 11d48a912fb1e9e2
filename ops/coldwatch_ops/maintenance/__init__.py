"""Maintenance windows: of whom or what nobody is told for a while."""
