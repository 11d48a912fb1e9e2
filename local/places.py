"""Where everything of the local cloud lies: below `.local/`, so that removing that folder removes it all."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = ROOT / ".local" / "environments"


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one local cloud. Several may run at once, each in a folder of its own."""

    folder: Path

    @property
    def process_file(self) -> Path:
        """Who runs (`process.Running`); there while the cloud is up, and after a crash until cleaned."""
        return self.folder / "process.json"

    @property
    def endpoints_file(self) -> Path:
        return self.folder / "endpoints.json"

    @property
    def certificate_authority(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def inbox(self) -> Path:
        """What responders were sent: a JSON line per e-mail or SMS. It holds their links, so it goes with the cloud."""
        return self.folder / "inbox.jsonl"

    @property
    def log(self) -> Path:
        return self.folder / "cloud.log"

    @property
    def deploy_log(self) -> Path:
        return self.folder / "deploy.log"

    @property
    def state(self) -> Path:
        """What outlives the process when state is kept; a cloud that keeps none has its state in `scratch`."""
        return self.folder / "state"

    @property
    def scratch(self) -> Path:
        """Temporary files of the cloud and of its functions' processes."""
        return self.folder / "tmp"

    @property
    def build(self) -> Path:
        """`sam build` writes here. Not shared: two builds at once would take each other's files away."""
        return self.folder / "build"


def places() -> Places:
    """The places of this checkout's cloud, or of the one named by COLDWATCH_LOCAL_DIR."""
    return Places(Path(os.environ.get("COLDWATCH_LOCAL_DIR", ROOT / ".local")).resolve())
