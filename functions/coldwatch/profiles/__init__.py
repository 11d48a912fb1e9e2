"""Profiles: the thresholds and durations that hold for a device, as data, and how a reading is joined with them.

Read in this order: `values` (what a profile may say), `profile`, `changes` (what one device has its own way), `catalog`
(which profile holds for a device), `context` (the message that detectors see), `deployment` (which models run, how).
"""

from coldwatch.profiles.catalog import Catalog, ProfileInForce
from coldwatch.profiles.context import join
from coldwatch.profiles.deployment import Clock, Deployment, ModelDeployment, read_deployment
from coldwatch.profiles.device import RegisteredDevice
from coldwatch.profiles.errors import DeploymentError, ProfileError
from coldwatch.profiles.profile import Profile, read_profile

__all__ = [
    "Catalog",
    "Clock",
    "Deployment",
    "DeploymentError",
    "ModelDeployment",
    "Profile",
    "ProfileError",
    "ProfileInForce",
    "RegisteredDevice",
    "join",
    "read_deployment",
    "read_profile",
]
