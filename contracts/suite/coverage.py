"""Schemathesis over the whole document, all phases, links included: breadth beside the promises' depth.

It is given two readings of the document. For valid input a *narrow* one: only what every honest service takes, so that a
refusal is a breach. For invalid input a *wide* one: all that some honest service might take, so that acceptance is one.
Replies are read tolerantly in both. What the document settles in its own way (wrong methods are 404, who may enter) has
promises of its own, so those checks are off.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import schemathesis.engine
from schemathesis.config import SchemathesisConfig
from schemathesis.engine.events import EngineEvent, Interrupted, ScenarioFinished
from schemathesis.openapi import from_dict

from contracts.suite.accounts import Account
from contracts.suite.exchanges import Exchange
from contracts.suite.findings import Broken
from contracts.suite.lives import IMAGE
from contracts.suite.paper import Paper, relaxed
from contracts.suite.stage import Stage

OFF = ("unsupported_method", "allow_header_conformance", "ignored_auth", "object_level_authorization")


def valid_input(stage: Stage) -> None:
    """Whatever the narrow reading allows is answered as documented. Raises Broken."""
    exact = stage.account.passing.exact
    _run(stage, stage.spacious, narrow(stage.paper), "positive", creating=exact)


def invalid_input(stage: Stage) -> None:
    """Whatever the wide reading forbids is refused as documented. Raises Broken."""
    _run(stage, stage.account, wide(stage.paper), "negative", creating=True)


# --- two readings -----------------------------------------------------------------------------------------------------


def narrow(paper: Paper) -> dict[str, Any]:
    """The document with a smaller request: fields that speak of the world beyond the body stay empty."""
    document, schema = _tolerant(paper)
    for name in ("external_task_id", "callback_url"):
        schema["properties"][name] = {"enum": ["", None]}
    schema["properties"]["prompt"] |= {"pattern": "[A-Za-z0-9]", "minLength": 1}
    schema["properties"]["image_list"]["items"]["properties"]["image"] = {"type": "string", "enum": [IMAGE]}
    return document


def wide(paper: Paper) -> dict[str, Any]:
    """The document with a larger request: what is optional may be null, lengths of time may be numbers."""
    document, schema = _tolerant(paper)
    for name, part in schema["properties"].items():
        if name not in schema["required"]:
            schema["properties"][name] = {"anyOf": [part, {"type": "null"}, {"const": ""}]}
    schema["properties"]["duration"]["anyOf"].append({"type": "number"})
    schema["properties"]["prompt"].pop("pattern")
    return document


def _tolerant(paper: Paper) -> tuple[dict[str, Any], dict[str, Any]]:
    """A copy of the document that reads replies tolerantly, and the schema of its request."""
    document = {name: deepcopy(paper.raw[name]) for name in ("openapi", "info", "paths", "components", "security")}
    for item in document["paths"].values():
        for node in item.values():
            node.pop("callbacks", None)
            for reply in node["responses"].values():
                reply["links"] = {name: link for name, link in reply.get("links", {}).items() if "external" not in name}
                media = reply["content"]["application/json"]
                media["schema"] = relaxed(media["schema"])
    post = document["paths"][paper.the("submit").path]["post"]["requestBody"]["content"]["application/json"]
    post.pop("examples", None)
    schema: dict[str, Any] = post["schema"]
    return document, schema


# --- a run ------------------------------------------------------------------------------------------------------------


def _run(stage: Stage, account: Account, document: dict[str, Any], mode: str, *, creating: bool) -> None:
    schema = from_dict(document, config=SchemathesisConfig.from_dict(_settings(stage, account, mode)))
    engine = schemathesis.engine.from_schema(schema)
    if not creating:
        engine = schemathesis.engine.from_schema(schema.exclude(method="POST"))
    for event in engine.execute():
        stage.deadline.go_on()
        if isinstance(event, Interrupted):
            raise KeyboardInterrupt  # which Schemathesis keeps to itself
        _pay(event, account)
        for breach in _breaches(event, account):
            raise breach


def _settings(stage: Stage, account: Account, mode: str) -> dict[str, Any]:
    """All in one place, nothing from the surroundings: the same seed sends the same calls."""
    return {
        "seed": stage.options.seed,
        "base-url": account.wire.base_url,
        "headers": {"Authorization": f"Bearer {account.bearer}"},
        "workers": 1,
        "max-failures": 1,
        "cache": {"enabled": False},
        "analysis": {"constants": {"enabled": False}},
        "generation": {
            "mode": mode,
            "max-examples": max(stage.options.max_examples // 2, 1),
            "database": "none",
            "no-shrink": False,
        },
        "checks": {name: {"enabled": False} for name in OFF},
        "operations": [
            {"include-operation-id": operation.id, "checks": {"positive_data_acceptance": {"enabled": False}}}
            for operation in stage.paper.operations
            if operation.action == "read"  # an id is right or wrong by what was created, not by its schema
        ],
        "request-timeout": 30,
    }


def _pay(event: EngineEvent, account: Account) -> None:
    """Creates that were accepted cost, whoever made them."""
    if isinstance(event, ScenarioFinished):
        for interaction in event.recorder.interactions.values():
            if (
                interaction.request.method == "POST"
                and interaction.response
                and interaction.response.status_code == 200
            ):
                account.budget.spend(account.wire.paper.units({}))


def _breaches(event: EngineEvent, account: Account) -> Iterator[Broken]:
    if not isinstance(event, ScenarioFinished):
        return
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                shown = _shown(event.recorder.interactions.get(case_id), account)
                yield Broken(f"{check.name}: {failure.title}", f"{failure.message} — {shown.said}", shown)


def _shown(interaction: Any, account: Account) -> Exchange:
    """What Schemathesis recorded, as an exchange of ours."""
    if interaction is None:
        return Exchange("GET", account.wire.base_url, {}, b"", 0, {}, b"")
    request, response = interaction.request, interaction.response
    sent = {name: values[0] for name, values in request.headers.items() if name.lower() == "content-type"}
    headers = {"Authorization": "Bearer $TOKEN", **sent}
    body = request.body if isinstance(request.body, bytes) else b""
    status, content = (response.status_code, response.content) if response else (0, b"")
    return Exchange(request.method, request.uri, headers, body, status, {}, content or b"")
