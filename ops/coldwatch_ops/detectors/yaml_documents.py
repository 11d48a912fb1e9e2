"""YAML as CloudFormation takes it: its short tags (`!Sub`, `!Ref`, `!GetAtt a.b`), and no aliases."""

import json
from typing import Any

from coldwatch.engine.errors import Finding, FindingType, Level, ModelError
from coldwatch_ops.errors import MissingPartError


def json_of(content: bytes) -> bytes:
    """The same document as JSON; raises ModelError for what is no YAML."""
    try:
        import yaml  # noqa: PLC0415 - an optional part, and slow to load
    except ImportError:
        raise MissingPartError('YAML needs PyYAML: pip install "coldwatch[yaml]".') from None
    try:
        loaded = yaml.load(content, Loader=_loader())  # noqa: S506 - a SafeLoader with a few tags more
        return json.dumps(loaded).encode()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise _refusal(f"{place}{error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError, ValueError, TypeError, UnicodeError, OverflowError) as error:
        raise _refusal(" ".join(str(error).split())) from None


def _refusal(told: str) -> ModelError:
    return ModelError((Finding(Level.ERROR, FindingType.STRUCTURE, "", f"not YAML: {told}"),))


def _loader() -> Any:
    import yaml  # noqa: PLC0415 - as above

    class Loader(yaml.SafeLoader):
        """Times stay the text they are."""

        yaml_implicit_resolvers = {  # noqa: RUF012 - of this class, as PyYAML wants it
            first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
            for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # the stubs leave it open
                raise yaml.composer.ComposerError(None, None, "templates have no aliases", mark)
            return super().compose_node(parent, index)

    Loader.add_multi_constructor("!", _intrinsic)
    return Loader


def _intrinsic(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - as above

    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}
