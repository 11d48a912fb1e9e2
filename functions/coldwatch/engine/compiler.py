"""A detector model as Python source: what its messages and timers do to a detector that is packed into a tuple.

The source knows the smooth course alone: conditions, variables, timers and transitions whose values are of the kinds
that the model itself suggests. Whatever else may happen (a value of another kind, a failing or overflowing expression)
raises before anything is written, and the interpreter evaluates the whole message anew from the same tuple. So there is
one place that knows what a fault does, and the compiled code cannot disagree with it.

Three kinds of functions come of a model:

- `evaluate_0(s, m, key, now, happened, trigger)`, one for each input: what one message makes of a detector, or of None,
  which is one that is not there yet.
- `expire(s, key, now, happened, trigger)`: what a timer makes of it, whose slot says that it has expired.
- `feed_0(..., lines)`: a whole batch of one input's messages, decoded and evaluated in one loop.

The first two return the detector: the very same tuple where nothing changed.

The same model gives the same source, to the letter.
"""

from dataclasses import dataclass

from coldwatch.engine.course import Course
from coldwatch.engine.expression_code import Constants
from coldwatch.engine.layout import Layout
from coldwatch.engine.source import Source


def write_evaluate(layout: Layout, constants: Constants, source: Source, input_name: str) -> None:
    with source.block(f"def evaluate_{layout.inputs.index(input_name)}(s, m, key, now, happened, trigger)"):
        course = Course(layout, constants, source, input_name)
        with source.block("if s is None"), source.alternative():
            course.creation()
        course.body()


def write_expire(layout: Layout, constants: Constants, source: Source) -> None:
    """Of a model without timers there is none: whatever expires is another model's, and the interpreter's."""
    if not layout.timers:
        return
    with source.block("def expire(s, key, now, happened, trigger)"):
        Course(layout, constants, source, None).body()


@dataclass(frozen=True, slots=True)
class Header:
    """Where a batch's loop finds, in the message `m`, what the evaluation is given: source such as `.f0`."""

    key: str | None
    """None: the model has one detector."""
    now: str | None
    """None: each line comes with its time."""


def write_feed(layout: Layout, constants: Constants, source: Source, input_name: str, header: Header) -> None:
    """Key and time stay in the message until they are needed, which is seldom."""
    name = f"feed_{layout.inputs.index(input_name)}"
    key = "None" if header.key is None else f"m{header.key}"
    now = f"m{header.now}" if header.now else "now"
    tools = "decode, states, resting, happened, trigger, create, advance, interpret, irregular"
    with source.block(f"def {name}({tools}, lines)"):
        source.add("find = states.get")
        source.add("rest = resting.get")
        with source.block("for line in lines" if header.now else "for line, now in lines"):
            with source.block("try"):
                source.add("m = decode(line)")
                source.add(f"s = find({key})")
                _write_creation(layout, constants, source, input_name, key, now)
                if layout.timers:
                    with source.block(f"if s[1] <= {now}"):
                        source.add(f"s = advance({key}, s, {now})")
                rests = not layout.enters
                Course(layout, constants, source, input_name, "continue", key=key, now=now, rests=rests).body()
            with source.block("except irregular"):
                source.add("interpret(line)" if header.now else "interpret(line, now)")


def _write_creation(  # noqa: PLR0917 - what its only caller has
    layout: Layout, constants: Constants, source: Source, input_name: str, key: str, now: str
) -> None:
    """Where nothing happens on entering the initial state, a detector that is in no state yet is in that one."""
    with source.block("if s is None"):
        if layout.enters:
            source.add(f"create({key}, m, {now})")
            source.add("continue")
        else:
            Course(layout, constants, source, input_name, "continue", key=key, now=now, rests=True).initial()
