"""`coldwatch backtest`: what detector models would have done with telemetry that is there already. Needs no stack.

Read in this order: `candidates` (what is tried: models with their clocks and profiles), `sources` (the files), `blocks`
(their pieces) and `rows` (a reading out of any form), `spool` (bounded memory, order of arrival), `messages` (a reading
as a detector sees it), `evaluating` (what it does), `firings` (from when to when), `work` and `running` (the cores),
`comparison`, `view`, and `readings`, `drawing` and `plot` (the picture).
"""
