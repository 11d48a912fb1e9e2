"""Every command, in the order in which help and documentation list them."""

from typing import Final

from coldwatch_ops import accounts, telemetry
from coldwatch_ops.backtest import commands as backtest
from coldwatch_ops.command import Command
from coldwatch_ops.command_executions import commands as command_executions
from coldwatch_ops.dead_letters import commands as dead_letters
from coldwatch_ops.detectors import commands as detectors
from coldwatch_ops.devices import commands as devices
from coldwatch_ops.incidents import commands as incidents
from coldwatch_ops.quarantine import commands as quarantine
from coldwatch_ops.reports import commands as reports
from coldwatch_ops.responders import contacts, policies, rotas
from coldwatch_ops.teardown import commands as teardown

NOUNS: Final = {
    "devices": "the registry, the allow-list, gateways and certificates",
    "incidents": "what somebody must answer for",
    "report": "what is kept of an incident that is over",
    "contacts": "who can be told",
    "policy": "who is told, and after how long the next one is",
    "rota": "who is on call",
    "command": "instructions to devices, and what became of them",
    "quarantine": "messages that did not fit, whole and with the reason",
    "dead-letters": "messages and batches that were given up on",
    "detectors": "detector models at work",
}

COMMANDS: Final[tuple[Command, ...]] = (
    *devices.COMMANDS,
    *incidents.COMMANDS,
    *reports.COMMANDS,
    *contacts.COMMANDS,
    *policies.COMMANDS,
    *rotas.COMMANDS,
    *command_executions.COMMANDS,
    *telemetry.COMMANDS,
    *accounts.COMMANDS,
    *quarantine.COMMANDS,
    *dead_letters.COMMANDS,
    *detectors.COMMANDS,
    *backtest.COMMANDS,
    *teardown.COMMANDS,
)
