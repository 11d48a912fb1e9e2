"""What other programs use of the simulator. docs/simulator.md shows how."""

from simulator.answering import Act
from simulator.claim import Claim
from simulator.errors import (
    BrokerError,
    FleetError,
    ProvisioningError,
    RecordingError,
    ScenarioError,
    SimulatorError,
)
from simulator.fleet import Fleet, Happening
from simulator.hostile import Outcome, Result, attack
from simulator.identity import Identity
from simulator.recording import MACHINE_TEMPERATURE, Recording
from simulator.recording import load as load_recording
from simulator.scenario import AllowedSerial, How, Scenario, allow_list
from simulator.scenario import load as load_scenario
from simulator.summary import Summary

__all__ = [
    "MACHINE_TEMPERATURE",
    "Act",
    "AllowedSerial",
    "BrokerError",
    "Claim",
    "Fleet",
    "FleetError",
    "Happening",
    "How",
    "Identity",
    "Outcome",
    "ProvisioningError",
    "Recording",
    "RecordingError",
    "Result",
    "Scenario",
    "ScenarioError",
    "SimulatorError",
    "Summary",
    "allow_list",
    "attack",
    "load_recording",
    "load_scenario",
]
