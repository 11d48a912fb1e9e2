"""Taking a command: write it down, then start its workflow. The same token asks for the same thing once."""

from coldwatch.commands.execution import CommandExecution, created
from coldwatch.commands.identifiers import execution_id
from coldwatch.commands.order import Order, Refusal
from coldwatch.commands.ports import Addresses, CommandStore, CommandWorkflow
from coldwatch.commands.settlement import found


def send(
    order: Order, *, addresses: Addresses, store: CommandStore, workflow: CommandWorkflow, now_ms: int
) -> CommandExecution | Refusal:
    """Whoever was told nothing (a time-out, a crash) asks again with the same token: what is missing is done then."""
    addressee = addresses.find(order.device_id)
    if addressee is None:
        return Refusal(f"There is no device {order.device_id} in the registry.")
    identity = execution_id(order.client_token, order.device_id)
    execution = created(identity, order, thing=addressee.thing, application=addressee.application, now_ms=now_ms)
    if not store.create(execution):
        execution = found(store, identity)
        if not execution.order.asks_the_same_as(order):
            return Refusal(
                f"The token {order.client_token} was used for another command of {order.device_id} ({identity}): "
                "give a new token, or ask for exactly the same."
            )
    if not execution.status.is_final:
        workflow.start(execution)
    return execution
