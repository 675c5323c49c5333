"""Which words the document may use: a keyword that nobody here understands is refused, never ignored.

One row a kind of object: its keys, and for each what kind of thing stands there (`kind`, `kind[]` a list, `kind{}` a map
with free keys, `*` anything). Extensions are listed like the standard's own words.
"""

import difflib
from typing import Any

from mockserver.yaml12 import AuthorsMistake, Mapping

BASES = ("documented", "observed", "assumed")
"""What a statement may rest on."""

_SOURCE = {"x-kling-source": "source"}
_SCHEMA_WORDS = (
    "type title description default example examples format enum const minLength maxLength pattern minimum maximum "
    "exclusiveMinimum exclusiveMaximum minItems maxItems uniqueItems required deprecated readOnly writeOnly $ref"
)
_SCHEMA = dict.fromkeys(_SCHEMA_WORDS.split(), "*") | {
    "properties": "schema{}",
    "patternProperties": "schema{}",
    "additionalProperties": "schema",
    "unevaluatedProperties": "schema",
    "propertyNames": "schema",
    "items": "schema",
    "allOf": "schema[]",
    "anyOf": "schema[]",
    "oneOf": "schema[]",
    "not": "schema",
    "if": "schema",
    "then": "schema",
    "else": "schema",
    "x-kling-refuse": "*",
    "x-kling-image": "image",
    **_SOURCE,
}
_OPERATION = {
    **dict.fromkeys("operationId tags summary description deprecated security".split(), "*"),
    "parameters": "parameter[]",
    "requestBody": "body",
    "responses": "response{}",
    "callbacks": "callback{}",
    "x-kling-action": "*",
    "x-kling-product": "*",
    "x-kling-units": "units",
    "x-kling-video": "video",
    "x-kling-pack": "pack",
    **_SOURCE,
}
_PATH_ITEM = dict.fromkeys("get put post delete options head patch trace".split(), "operation") | {
    **dict.fromkeys(("summary", "description"), "*"),
    "parameters": "parameter[]",
}
_ROOT = {
    **dict.fromkeys("openapi info servers tags security jsonSchemaDialect externalDocs".split(), "*"),
    "paths": "path{}",
    "components": "components",
    "x-kling-errors": "error{}",
    "x-kling-messages": "messages",
    "x-kling-lifecycle": "lifecycle",
    "x-kling-choices": "choice{}",
    "x-kling-limits": "limit{}",
}
_KINDS: dict[str, dict[str, str]] = {
    "root": _ROOT,
    "path": _PATH_ITEM,
    "operation": _OPERATION,
    "schema": _SCHEMA,
    "components": {
        "schemas": "schema{}",
        "parameters": "parameter{}",
        "responses": "response{}",
        "requestBodies": "body{}",
        "securitySchemes": "scheme{}",
        "examples": "*",
    },
    "parameter": {
        **dict.fromkeys("$ref name in required description deprecated example examples style explode".split(), "*"),
        "schema": "schema",
        **_SOURCE,
    },
    "body": {**dict.fromkeys(("$ref", "required", "description"), "*"), "content": "media{}"},
    "media": {**dict.fromkeys(("example", "examples"), "*"), "schema": "schema"},
    "response": {**dict.fromkeys(("$ref", "description", "headers"), "*"), "content": "media{}", "links": "link{}"},
    "link": dict.fromkeys(("operationId", "operationRef", "parameters", "requestBody", "description"), "*"),
    "callback": {"*": "path"},
    "scheme": dict.fromkeys(("type", "scheme", "bearerFormat", "description", "name", "in"), "*") | _SOURCE,
    "source": dict.fromkeys(("basis", "from"), "*"),
    "image": dict.fromkeys(
        "formats max_bytes min_side_px max_pixels min_ratio max_ratio url_schemes".split(), "*"
    ) | _SOURCE,
    "units": dict.fromkeys(("by", "table"), "*") | _SOURCE,
    "video": dict.fromkeys(("by", "sizes", "frames_per_second", "content_type"), "*") | _SOURCE,
    "pack": dict.fromkeys(("name", "type", "lifetime_ms", "online", "run_out"), "*") | _SOURCE,
    "error": dict.fromkeys("code status class meaning advice message retry".split(), "*") | _SOURCE,
    "messages": {"situations": "situation{}", "keywords": "*"},
    "situation": dict.fromkeys(("error", "message"), "*") | _SOURCE,
    "lifecycle": dict.fromkeys("initial success failure steps failures paces".split(), "*") | _SOURCE,
    "choice": dict.fromkeys(("about", "options", "chosen"), "*") | _SOURCE,
    "limit": dict.fromkeys(("value", "about"), "*") | _SOURCE,
}  # fmt: skip


def check(document: Mapping) -> None:
    """Refuse a document that uses a word not listed here. Raises AuthorsMistake with file, line and nearest word."""
    _check(document, "root")


def nearest(word: str, allowed: Any) -> str:
    """`; did you mean 'x'?`, or what is allowed when nothing is near."""
    names = sorted(str(name) for name in allowed)
    close = difflib.get_close_matches(word, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; allowed are {', '.join(names)}"


def _check(value: Any, kind: str) -> None:
    if kind == "*" or not isinstance(value, (Mapping, list)):
        return
    if kind.endswith("[]") and isinstance(value, list):
        for item in value:
            _check(item, kind[:-2])
    elif kind.endswith("{}") and isinstance(value, Mapping):
        for item in value.values():
            _check(item, kind[:-2])
    elif isinstance(value, Mapping):
        _check_keys(value, kind)


def _check_keys(value: Mapping, kind: str) -> None:
    words = _KINDS[kind]
    for key, item in value.items():
        child = words.get(key, words.get("*"))
        if child is None:
            raise AuthorsMistake(value.place(key), f"{key!r} is no word of a {kind} here" + nearest(key, words))
        _check(item, child)
    if kind == "source" and value.get("basis") not in BASES:
        raise AuthorsMistake(value.place("basis"), f"basis {value.get('basis')!r} is none of {', '.join(BASES)}")
