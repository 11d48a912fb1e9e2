"""Escalation as data: policies and their rules, rotas, who that makes be told when. Pure; no clock, no I/O."""
