"""`coldwatch teardown`."""

from argparse import Namespace

from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Command, Context, argument
from coldwatch_ops.connection import no_such_stack
from coldwatch_ops.errors import DeclinedError, RefusedError
from coldwatch_ops.stack import Account
from coldwatch_ops.teardown import view
from coldwatch_ops.teardown.deletion import Deletion
from coldwatch_ops.teardown.inventory import Inventory, take_inventory
from coldwatch_ops.teardown.parts import StackParts, find_parts
from coldwatch_ops.teardown.remains import find_remains
from coldwatch_ops.teardown.removal import Remover


def run_teardown(options: Namespace, context: Context) -> Answer:
    account = context.open_account()
    stack = find_parts(account)
    if stack is None:
        raise no_such_stack(account.stack_name)
    inventory = take_inventory(account.clients, stack)
    kept = frozenset(bucket.name for bucket in inventory.buckets if bucket.is_archive and options.keep_archive)
    for line in view.inventory_lines(stack, inventory, kept=kept):
        context.say(line)
    _refuse(stack, inventory)
    if not options.yes:
        _ask(stack, context)
    problems = _remove(account, stack, inventory, context, kept)
    remains = find_remains(account, stack, inventory, kept=kept)
    return view.finished(stack, inventory, remains=remains, problems=problems, kept=kept)


def _refuse(stack: StackParts, inventory: Inventory) -> None:
    if stack.is_protected:
        raise RefusedError(
            f"Stack {stack.stack_name} is protected against termination. If it is to go, switch that off first: "
            f"aws cloudformation update-termination-protection --no-enable-termination-protection "
            f"--stack-name {stack.stack_name}"
        )
    if inventory.things.foreign:
        raise RefusedError(
            "These things have a type of this stack, but its registry, allow-list and thing groups do not know them: "
            f"{', '.join(inventory.things.foreign)}. They are not touched, and their type cannot be deleted with them "
            "there: delete them or give them another type, then run teardown again."
        )


def _ask(stack: StackParts, context: Context) -> None:
    said = context.ask(f"This cannot be undone. Type {stack.stack_name} to delete all of it: ")
    if said is None:
        raise DeclinedError("Nobody could be asked; add --yes to agree beforehand.")
    if said.strip() != stack.stack_name:
        raise DeclinedError("That is not the stack's name. Nothing was deleted.")


def _remove(
    account: Account, stack: StackParts, inventory: Inventory, context: Context, kept: frozenset[str]
) -> list[str]:
    """Buckets come after the stack, which still writes to them; what they would not give up is returned."""
    remover = Remover(account.clients, stack, context.say, context.pause)
    remover.clear_the_way(inventory)
    if not stack.is_deleted:
        Deletion(account.clients, stack, context.say, context.pause).delete()
    problems = remover.remove_buckets([bucket for bucket in inventory.buckets if bucket.name not in kept])
    remover.remove_log_groups()
    return problems


COMMANDS = (
    Command(
        "teardown",
        "delete a stack and all that it would leave behind, and prove it",
        run_teardown,
        (
            argument("--yes", action="store_true", help="do not ask for the stack's name"),
            argument("--keep-archive", action="store_true", help="keep archived readings, and evidence of incidents"),
        ),
    ),
)
