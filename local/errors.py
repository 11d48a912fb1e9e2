"""What can go wrong with the local cloud, said so that a person knows what to do next."""


class LocalCloudError(Exception):
    """The base: its text is the whole story, no traceback needed."""


class PortInUseError(LocalCloudError):
    """Another program listens where the cloud wants to."""


class AlreadyRunningError(LocalCloudError):
    """The cloud of these places is up."""


class StartError(LocalCloudError):
    """The cloud ended or did not answer while it was starting."""


class DeployError(LocalCloudError):
    """`sam build` or `sam deploy` failed; the text ends with what it said."""
