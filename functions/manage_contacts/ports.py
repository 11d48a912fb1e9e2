"""What the actions use of the world."""

from collections.abc import Callable
from dataclasses import dataclass

from coldwatch.adapters.contact_store import DynamoContactStore
from coldwatch.adapters.policy_store import DynamoPolicyStore, DynamoRotaStore
from coldwatch.adapters.secret_store import SecretsManagerSecrets
from coldwatch.adapters.subscriptions import SnsSubscriptions
from coldwatch.incidents.ports import Channels
from coldwatch.incidents.reachability import Incidents


@dataclass(frozen=True, slots=True)
class Ports:
    """`code_key` gives None where it cannot be read. `secret_prefix` ends in a slash; `has_sender`: mails go by SES."""

    contacts: DynamoContactStore
    policies: DynamoPolicyStore
    rotas: DynamoRotaStore
    subscriptions: SnsSubscriptions
    channels: Channels
    secrets: SecretsManagerSecrets
    incidents: Incidents
    code_key: Callable[[], bytes | None]
    random_bytes: Callable[[int], bytes]
    now_ms: Callable[[], int]
    secret_prefix: str
    has_sender: bool
