"""What can be wrong with the data that a deployment is made of: its author's mistakes.

ProfilesError
├── ProfileError     a profile's file is none; names the file's fault
├── DeploymentError  `deployment.json` is none, or names what there is not
└── ChangesError     what a device has its own way is nothing that its profile could hold; carries every fault
"""

from collections.abc import Sequence


class ProfilesError(Exception):
    pass


class ProfileError(ProfilesError):
    pass


class DeploymentError(ProfilesError):
    pass


class ChangesError(ProfilesError):
    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(" ".join(faults))
        self.faults = tuple(faults)
