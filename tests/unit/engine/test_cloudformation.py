"""Models and inputs of CloudFormation: the forms they stand in, and what intrinsic functions make."""

import tracemalloc
from typing import Any

import pytest

from coldwatch.engine.checker import check
from coldwatch.engine.cloudformation import model_document
from coldwatch.engine.errors import Level, ModelError
from coldwatch.engine.inputs import load_inputs
from coldwatch.engine.loader import load_model
from coldwatch.engine.model import EvaluationMethod
from coldwatch.engine.report import Report
from tests.unit.engine.builders import Detector

type Document = dict[str, Any]

DEFINITION: Document = {
    "States": [
        {
            "StateName": "dry",
            "OnInput": {
                "Events": [
                    {
                        "EventName": "tell",
                        "Condition": {"Fn::Sub": "$input.${Moisture}.water < ${Threshold}"},
                        "Actions": [
                            {
                                "Sns": {
                                    "TargetArn": {
                                        "Fn::Join": [":", ["arn:aws:sns", {"Ref": "AWS::Region"}, {"Ref": "Topic"}]]
                                    },
                                    "Payload": {
                                        "ContentExpression": {"Fn::Sub": "'${!$variable.n} at ${AWS::StackName}'"},
                                        "Type": "STRING",
                                    },
                                }
                            },
                            {"SetTimer": {"TimerName": "t", "Seconds": 60}},
                        ],
                    }
                ],
                "TransitionEvents": [{"EventName": "go", "Condition": "timeout('t')", "NextState": "wet"}],
            },
            "OnEnter": {
                "Events": [{"EventName": "e", "Actions": [{"SetVariable": {"VariableName": "n", "Value": 1}}]}]
            },
        },
        {"StateName": "wet", "OnExit": {"Ref": "AWS::NoValue"}},
    ],
    "InitialStateName": "dry",
}
PROPERTIES: Document = {"EvaluationMethod": "SERIAL", "Key": "id", "DetectorModelDefinition": DEFINITION}
INPUT: Document = {
    "Type": "AWS::IoTEvents::Input",
    "Properties": {
        "InputName": {"Fn::Sub": "${AWS::StackName}Moisture"},
        "InputDefinition": {"Attributes": [{"JsonPath": "water"}, {"JsonPath": "id"}]},
    },
}
TEMPLATE: Document = {
    "Parameters": {"Threshold": {"Type": "Number", "Default": 20}, "Unset": {"Type": "String"}},
    "Mappings": {"Places": {"cellar": {"Limit": 7}}},
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Moisture": INPUT,
        "Plant": {"Type": "AWS::IoTEvents::DetectorModel", "Properties": PROPERTIES},
        "Other": {
            "Type": "AWS::IoTEvents::DetectorModel",
            "Properties": PROPERTIES | {"DetectorModelName": {"Fn::Sub": "${AWS::StackName}_other"}},
        },
    },
}


def resolved(value: Any, **more: Any) -> Any:
    """What a description given so is read as."""
    properties = {"DetectorModelDescription": value, "DetectorModelDefinition": DEFINITION}
    model = {"Type": "AWS::IoTEvents::DetectorModel", "Properties": properties}
    document = model_document({**TEMPLATE, **more, "Resources": {**TEMPLATE["Resources"], "Plant": model}}, Report())
    assert document is not None
    return document.get("detectorModelDescription")


def test_a_model_of_a_template_runs() -> None:
    model = load_model(TEMPLATE)
    detector = Detector(model)

    evaluation = detector.receive({"water": 19, "id": "p"}, of="AWS_StackNameMoisture")

    assert (model.name, model.key, model.evaluation_method) == ("Plant", "id", EvaluationMethod.SERIAL)
    [action] = evaluation.actions
    assert action.fields == {"targetArn": "arn:aws:sns:AWS_Region:Topic"}
    assert action.payload == "1 at AWS_StackName"
    assert detector.wait(60_000)[-1].to_state == "wet"


def test_a_template_of_several_models_gives_the_first_or_the_one_that_is_named() -> None:
    assert load_model(TEMPLATE).name == "Plant"
    assert load_model(TEMPLATE, resource="Other").name == "AWS_StackName_other"
    with pytest.raises(ModelError, match="no detector model `Topic`, only Plant, Other"):
        load_model(TEMPLATE, resource="Topic")


@pytest.mark.parametrize(
    "document",
    [
        {"Type": "AWS::IoTEvents::DetectorModel", "Properties": PROPERTIES},
        PROPERTIES,
        {"DetectorModelDefinition": DEFINITION},
        DEFINITION,
    ],
)
def test_a_resource_its_properties_or_its_definition_alone_are_models(document: Document) -> None:
    """The names in `${ }` are a template's; alone they stay as they are, and are no expression."""
    report = Report()

    body = model_document(document, report)

    assert body is not None
    definition = body.get("detectorModelDefinition", body)
    assert [each["stateName"] for each in definition["states"]] == ["dry", "wet"]
    assert not report.errors


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}, "Odd": 5}}, "has no AWS::IoTEvents::DetectorModel"),
        ({"Resources": 5}, "no detector model: expected"),
        ({"Type": "AWS::IoTEvents::DetectorModel"}, "no detector model: expected"),
        ({"Type": "AWS::IoTEvents::DetectorModel", "Properties": 5}, "`Properties` must be an object, not 5"),
    ],
)
def test_a_template_without_a_model_is_refused(document: Document, told: str) -> None:
    with pytest.raises(ModelError, match=told):
        load_model(document)


def test_a_resource_is_named_of_a_template_only() -> None:
    with pytest.raises(ModelError, match="this is no template"):
        load_model(DEFINITION, resource="Plant")


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ({"Fn::Join": ["", ["a", 1, True, 2.5]]}, "a1true2.5"),
        ({"Fn::Join": ["-", {"Ref": "Unset"}]}, "Fn_Join"),
        ({"Fn::Join": ["-", [{"Fn::Join": [".", ["a", "b"]]}, {"Ref": "AWS::NoValue"}, "c"]]}, "a.b-c"),
        ({"Fn::Join": ["-", [["a"], "b"]]}, "Fn_Join"),
        ({"Fn::Sub": ["${a}/${Threshold}/${b}", {"a": {"Ref": "AWS::Partition"}, "b": True}]}, "AWS_Partition/20/true"),
        (
            {"Fn::Sub": "${Topic.TopicArn} ${ Topic } ${nobody} ${$variable.x} $ {a} ${}"},
            "Topic.TopicArn Topic ${nobody} ${$variable.x} $ {a} ${}",
        ),
        ({"Fn::Sub": ["${a}", {"a": ["list"]}]}, "${a}"),
        ({"Fn::Sub": ["${Ref}/${nobody}", {"Ref": "Moisture"}]}, "Moisture/${nobody}"),
        ({"Fn::Sub": 5}, "Fn_Sub"),
        ({"Fn::GetAtt": ["Role", "Arn"]}, "Role.Arn"),
        ({"Fn::GetAtt": "Role.Arn"}, "Role.Arn"),
        ({"Fn::GetAtt": [1]}, "Fn_GetAtt"),
        ({"Ref": "Unset"}, "Unset"),
        ({"Ref": "Threshold"}, 20),
        ({"Ref": "Moisture"}, "AWS_StackNameMoisture"),
        ({"Ref": "Topic"}, "Topic"),
        ({"Ref": "Nobody"}, "Ref"),
        ({"Ref": 5}, "Ref"),
        ({"Ref": "AWS::NoValue"}, None),
        ({"Fn::FindInMap": ["Places", "cellar", "Limit"]}, 7),
        ({"Fn::FindInMap": ["Places", {"Ref": "AWS::Region"}, "Limit"]}, "Fn_FindInMap"),
        ({"Fn::FindInMap": ["Places", "cellar"]}, "Fn_FindInMap"),
        ({"Fn::If": ["IsLarge", "a", "b"]}, "Fn_If"),
        ({"Fn::ImportValue": "x"}, "Fn_ImportValue"),
        ([{"Ref": "Topic"}, {"Ref": "AWS::NoValue"}], ["Topic"]),
        ("plain ${text}", "plain ${text}"),
    ],
)
def test_intrinsic_functions_make_what_the_template_alone_says(value: Any, made: Any) -> None:
    assert resolved(value) == made


def test_names_that_lead_in_a_circle_end() -> None:
    def input_named(name: str) -> Document:
        return {"Type": "AWS::IoTEvents::Input", "Properties": {"InputName": {"Ref": name}}}

    resources = {"A": input_named("B"), "B": input_named("A")}

    document = {
        "Resources": {
            **resources,
            "Plant": {
                "Type": "AWS::IoTEvents::DetectorModel",
                "Properties": {"DetectorModelName": {"Ref": "A"}, "DetectorModelDefinition": DEFINITION},
            },
        }
    }
    body = model_document(document, Report())
    assert body is not None
    assert body["detectorModelName"] == "A"


def test_a_text_that_doubles_at_every_level_is_refused() -> None:
    value: Any = "xxxxxxxxxx"
    for _ in range(40):
        value = {"Fn::Sub": ["${a}${a}", {"a": value}]}
    report = Report()

    model_document(
        {"Resources": {"M": {"Type": "AWS::IoTEvents::DetectorModel", "Properties": {"Key": value}}}}, report
    )

    assert "a text of more than" in report.errors[0].message


def named(name: Any) -> Document:
    return {"Type": "AWS::IoTEvents::DetectorModel", "Properties": {"DetectorModelName": name}}


def test_names_that_are_made_of_names_are_worked_out_once() -> None:
    twice = {f"M{n}": named({"Fn::Join": ["", [{"Ref": f"M{n + 1}"}] * 2]}) for n in range(60)}
    report = Report()

    model_document({"Resources": {**twice, "M60": named("")}}, report)

    assert not report.errors


@pytest.mark.parametrize(
    "made", [{"Fn::Sub": "${Long}" * 100_000}, {"Fn::Join": ["x" * 100_000, ["", *["y"] * 100_000]]}]
)
def test_a_text_that_is_too_long_is_refused_before_it_is_made(made: Document) -> None:
    report = Report()
    tracemalloc.start()

    model_document({"Parameters": {"Long": {"Default": "x" * 100_000}}, "Resources": {"M": named(made)}}, report)

    assert [each.message for each in report.errors] == [
        f"`{next(iter(made))}` makes a text of more than 262,144 characters"
    ]
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def test_what_is_taken_for_granted_is_noted() -> None:
    template = {**TEMPLATE, "Resources": {**TEMPLATE["Resources"]}}

    notes = [each.message for each in check(template) if each.level is Level.INFO and not each.path]

    assert "the parameter `Threshold` is taken to be its default, 20" in notes
    report = Report()
    model_document({**PROPERTIES, "Key": {"Fn::ImportValue": "k"}, "RoleArn": {"Fn::ImportValue": "k"}}, report)
    assert [each.message for each in report.findings if "Import" in each.message] == [
        "`Fn::ImportValue` of 'k' is known at deployment only"
    ]


def test_the_inputs_of_a_template_are_inputs() -> None:
    inputs = load_inputs([TEMPLATE])

    assert inputs.keys() == {"AWS_StackNameMoisture"}
    assert inputs["AWS_StackNameMoisture"].declares(("water",))
    alone = {"Type": "AWS::IoTEvents::Input", "Properties": INPUT["Properties"] | {"InputName": "m"}}
    assert load_inputs([alone]).keys() == load_inputs([alone["Properties"]]).keys() == {"m"}


def test_the_inputs_of_a_template_are_known_to_its_models() -> None:
    inputs = load_inputs([TEMPLATE])
    wrong = {
        **TEMPLATE,
        "Resources": {
            **TEMPLATE["Resources"],
            "Plant": {
                "Type": "AWS::IoTEvents::DetectorModel",
                "Properties": {
                    "DetectorModelDefinition": {
                        "InitialStateName": "s",
                        "States": [
                            {
                                "StateName": "s",
                                "OnInput": {
                                    "Events": [
                                        {
                                            "EventName": "e",
                                            "Condition": {"Fn::Sub": "$input.${Moisture}.wine > $input.elsewhere.x"},
                                        }
                                    ]
                                },
                            }
                        ],
                    }
                },
            },
        },
    }

    partly = [each.message for each in check(wrong, inputs, are_all_inputs=False) if each.level is not Level.INFO]
    wholly = [each.message for each in check(wrong, inputs) if each.level is not Level.INFO]

    assert partly == ["the input `AWS_StackNameMoisture` declares no attribute `wine`"]
    assert wholly == [*partly, "there is no input `elsewhere`"]
