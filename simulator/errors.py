"""What can go wrong in the simulator. Every message is a sentence for the person who ran it.

SimulatorError
├── ScenarioError      the scenario file does not say what it must; carries every fault
├── RecordingError     the recording cannot be read
├── ProvisioningError  the broker rejected a claim, or did not answer it
├── BrokerError        the broker cannot be reached, or does not take a device's connection
└── FleetError         the fleet does not have the devices that were asked for
"""

from collections.abc import Sequence


class SimulatorError(Exception):
    pass


class ScenarioError(SimulatorError):
    """A scenario file with faults: `faults` holds one sentence for each, not only the first."""

    def __init__(self, name: str, faults: Sequence[str]) -> None:
        self.name = name
        self.faults = tuple(faults)
        super().__init__("\n  ".join((f"The scenario {name} cannot be run:", *faults)))


class RecordingError(SimulatorError):
    pass


class ProvisioningError(SimulatorError):
    """A claim that was not granted. `code` is the service's error code, or "NoAnswer"."""

    def __init__(self, serial: str, code: str, sentence: str) -> None:
        self.serial = serial
        self.code = code
        super().__init__(sentence)


class BrokerError(SimulatorError):
    pass


class FleetError(SimulatorError):
    pass
