"""What the functions of the incident workflow give the storms: the stores, the rules, the workflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coldwatch.adapters.family_store import DynamoFamilyStore
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.policy_store import DynamoPolicyStore
from coldwatch.adapters.storm_rules import load_storm_rules
from coldwatch.adapters.storm_store import DynamoStormStore
from coldwatch.adapters.waiting import StepFunctionsExecutions, StepFunctionsWaiting
from coldwatch.incidents.incident import STORM
from coldwatch.incidents.opening import UNKNOWN_DEVICE_TYPE, choose_plan
from coldwatch.incidents.policy import IncidentFacts
from coldwatch.incidents.storms import attaching, joining, silencing

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_stepfunctions import SFNClient

    from coldwatch.incidents.incident import Incident, Plan


@dataclass(frozen=True, slots=True)
class StormTables:
    """And who hears of a storm whose own plan names nobody."""

    incidents: str
    storms: str
    policies: str
    complain: Callable[[Incident, str], None]


def attaching_ports(dynamodb: DynamoDBClient, states: SFNClient, tables: StormTables) -> attaching.Ports:
    incidents = DynamoIncidentStore(dynamodb, tables.incidents)
    policies = DynamoPolicyStore(dynamodb, tables.policies)

    def plan_of(incident: Incident) -> tuple[Plan, str | None]:
        device_type = UNKNOWN_DEVICE_TYPE
        about = IncidentFacts(incident.fleet_id, device_type, STORM, STORM, incident.severity)
        return choose_plan(policies, about)

    return attaching.Ports(
        incidents=incidents,
        families=DynamoFamilyStore(dynamodb, tables.incidents),
        waiting=StepFunctionsWaiting(states, incidents),
        rules=load_storm_rules(),
        choose_plan=plan_of,
        complain=tables.complain,
    )


def joining_ports(
    dynamodb: DynamoDBClient, states: SFNClient, tables: StormTables, state_machine_arn: str
) -> joining.Ports:
    storms = DynamoStormStore(dynamodb, tables.storms)
    return joining.Ports(
        attaching=attaching_ports(dynamodb, states, tables),
        groups=storms,
        executions=StepFunctionsExecutions(states, state_machine_arn),
        is_kept_out=silencing.kept_out(storms),
    )


def silencing_ports(dynamodb: DynamoDBClient, states: SFNClient, tables: StormTables) -> silencing.Ports:
    return silencing.Ports(attaching_ports(dynamodb, states, tables), DynamoStormStore(dynamodb, tables.storms))
