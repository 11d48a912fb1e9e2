"""Detector models and inputs as CloudFormation has them: PascalCase, within a template or alone.

What intrinsic functions make is computed where the template says it. What only a deployment knows is read as a word
that stands for it, and that can be a name in an expression: `AWS_Region` for the pseudo parameter, the logical id of a
resource or parameter, `Topic.Arn` for an attribute.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from coldwatch.engine.documents import object_member
from coldwatch.engine.report import Report, shown
from coldwatch.engine.values import MAX_TEXT

MODEL_TYPE: Final = "AWS::IoTEvents::DetectorModel"
INPUT_TYPE: Final = "AWS::IoTEvents::Input"
_NAMES: Final = {MODEL_TYPE: "DetectorModelName", INPUT_TYPE: "InputName"}
_DEFINITIONS: Final = {MODEL_TYPE: "DetectorModelDefinition", INPUT_TYPE: "InputDefinition"}
_PLACE: Final = re.compile(r"\$\{(?:!([^{}]+)|([^${}!]+))\}")


def is_template(document: Mapping[str, Any]) -> bool:
    return isinstance(document.get("Resources"), dict)


def resource_names(document: Mapping[str, Any], kind: str) -> list[str]:
    """The logical ids of a template's resources of a type, in its order."""
    resources = document.get("Resources")
    if not isinstance(resources, dict):
        return []
    return [name for name, each in resources.items() if isinstance(each, dict) and each.get("Type") == kind]


def model_document(
    document: Mapping[str, Any], report: Report, resource: str | None = None
) -> Mapping[str, Any] | None:
    """A detector model as the API took it; any other document as it is. `resource` picks one of a template's."""
    if is_template(document):
        name = _chosen(resource_names(document, MODEL_TYPE), report, resource)
        return None if name is None else _body(document, name, MODEL_TYPE, report)
    if resource is not None:
        report.error("", f"there is no resource `{resource}`: this is no template")
        return None
    return _alone(document, MODEL_TYPE, report) or (_renamed(document) if "States" in document else document)


def input_documents(document: Mapping[str, Any], report: Report) -> list[Mapping[str, Any]]:
    """Every input of a template as the API took it; any other document as it is."""
    if is_template(document):
        return [_body(document, name, INPUT_TYPE, report) for name in resource_names(document, INPUT_TYPE)]
    return [_alone(document, INPUT_TYPE, report) or document]


def _chosen(names: list[str], report: Report, wanted: str | None) -> str | None:
    if wanted is None and names:
        return names[0]
    if wanted in names:
        return wanted
    if not names:
        report.error("Resources", f"the template has no {MODEL_TYPE}")
    else:
        report.error("Resources", f"the template has no detector model `{wanted}`, only {', '.join(names)}")
    return None


def _alone(document: Mapping[str, Any], kind: str, report: Report) -> Mapping[str, Any] | None:
    """A resource or its properties, without the template around them."""
    if document.get("Type") == kind:
        return _body({"Resources": {"Model": document}}, "Model", kind, report)
    if _DEFINITIONS[kind] in document:
        return _body({"Resources": {"Model": {"Properties": document}}}, "Model", kind, report)
    return None


def _body(template: Mapping[str, Any], name: str, kind: str, report: Report) -> Mapping[str, Any]:
    properties = object_member(template["Resources"][name], "Properties", f"Resources.{name}", report)
    resolved = _Resolver(template, report).value({_NAMES[kind]: name, **properties})
    body: dict[str, Any] = _renamed(resolved)
    return body


def _renamed(value: Any) -> Any:
    """The API's names begin with a small letter, and are the same besides."""
    match value:
        case dict():
            return {name[:1].lower() + name[1:]: _renamed(each) for name, each in value.items()}
        case list():
            return [_renamed(each) for each in value]
    return value


class _Resolver:
    """Intrinsic functions, as far as a template alone says what they make."""

    def __init__(self, template: Mapping[str, Any], report: Report) -> None:
        self.report = report
        self.parameters = _members(template, "Parameters")
        self.mappings = _members(template, "Mappings")
        self.resources = _members(template, "Resources")
        self.told: set[str] = set()
        self.names: dict[str, Any] = {}
        """Of resources, each worked out once: names that are made of names would take twice as long with every one."""

    def value(self, value: Any) -> Any:
        match value:
            case dict():
                function, argument = next(iter(value.items())) if len(value) == 1 else ("", None)
                if function == "Ref" or function.startswith("Fn::"):
                    return self._call(function, argument)
                return self._resolved(value)
            case list():
                return [each for each in map(self.value, value) if each is not None]
        return value

    def _resolved(self, value: Mapping[str, Any]) -> dict[str, Any]:
        resolved = {name: self.value(each) for name, each in value.items()}
        return {name: each for name, each in resolved.items() if each is not None}

    def _call(self, function: str, argument: Any) -> Any:
        known = _FUNCTIONS.get(function)
        try:
            made = None if known is None else known(self, argument)
        except _TooLongError:
            self.report.error("", f"`{function}` makes a text of more than {MAX_TEXT:,} characters")
            return function.replace("::", "_")
        if made is _NOTHING:
            return None
        if made is None:
            self._tell(f"`{function}` of {shown(argument)} is known at deployment only")
            return function.replace("::", "_")
        return made

    def _tell(self, told: str) -> None:
        if told not in self.told:
            self.told.add(told)
            self.report.info("", told)

    def ref(self, name: Any) -> Any:
        """What a name stands for; None where the template has no such name."""
        if not isinstance(name, str):
            return None
        if name == "AWS::NoValue":
            return _NOTHING
        if name.startswith("AWS::"):
            return name.replace("::", "_")
        if name in self.parameters:
            return self._parameter(name)
        return self._resource(name) if name in self.resources else None

    def _parameter(self, name: str) -> Any:
        parameter = self.parameters[name]
        default = parameter.get("Default") if isinstance(parameter, dict) else None
        if default is None:
            self._tell(f"the parameter `{name}` has no default: `{name}` stands for its value")
            return name
        self._tell(f"the parameter `{name}` is taken to be its default, {shown(default)}")
        return default

    def _resource(self, name: str) -> Any:
        """A model and an input are referred to by their names."""
        resource = self.resources[name]
        kind = resource.get("Type") if isinstance(resource, dict) else None
        if not isinstance(kind, str) or kind not in _NAMES:
            return name
        if name not in self.names:
            self.names[name] = name  # for a name that is made of itself
            self.names[name] = self.value(_members(resource, "Properties").get(_NAMES[kind], name))
        return self.names[name]

    def attribute(self, argument: Any) -> Any:
        parts = argument if isinstance(argument, list) else [argument]
        return ".".join(parts) if all(isinstance(part, str) for part in parts) else None

    def joined(self, argument: Any) -> Any:
        match argument:
            case [str(separator), parts]:
                resolved = self.value(parts)
                if isinstance(resolved, list) and all(map(_is_scalar, resolved)):
                    texts = list(map(_text, resolved))
                    _check_length(sum(map(len, texts)) + len(separator) * (len(texts) - 1))
                    return separator.join(texts)
        return None

    def substituted(self, argument: Any) -> Any:
        """Its own names are a map as it stands: one of a single name is no call, whatever that is."""
        match argument:
            case str(text):
                return self._filled(text, {})
            case [str(text), dict(own)]:
                return self._filled(text, self._resolved(own))
        return None

    def _filled(self, text: str, own: Mapping[str, Any]) -> str:
        """`${!x}` is CloudFormation's way to write `${x}`; a name that the template does not know stays as it is."""
        length = len(text)

        def fill(matched: re.Match[str]) -> str:
            nonlocal length
            filled = "${" + matched[1] + "}" if matched[1] else self._named(matched[2].strip(), own, matched[0])
            length += len(filled) - len(matched[0])
            _check_length(length)
            return filled

        return _PLACE.sub(fill, text)

    def _named(self, name: str, own: Mapping[str, Any], otherwise: str) -> str:
        found = own[name] if name in own else self.ref(name)
        if found is None and name.partition(".")[0] in self.resources:
            return name
        return _text(found) if _is_scalar(found) else otherwise

    def looked_up(self, argument: Any) -> Any:
        keys = self.value(argument)
        found: Any = self.mappings
        for key in keys if isinstance(keys, list) and len(keys) == 3 else [None]:
            found = found.get(key) if isinstance(found, dict) and isinstance(key, str) else None
        return found


class _TooLongError(Exception):
    pass


def _check_length(length: int) -> None:
    """Before the text is made: a long one, put in at each of many places, would take all memory."""
    if length > MAX_TEXT:
        raise _TooLongError


_NOTHING: Final = object()
_FUNCTIONS: Final[dict[str, Callable[[_Resolver, Any], Any]]] = {
    "Ref": _Resolver.ref,
    "Fn::GetAtt": _Resolver.attribute,
    "Fn::Join": _Resolver.joined,
    "Fn::Sub": _Resolver.substituted,
    "Fn::FindInMap": _Resolver.looked_up,
}


def _members(document: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    value = document.get(member)
    return value if isinstance(value, dict) else {}


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | bool | int | float)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
