"""The document: strict, true to itself, and the only place where the API's values stand."""

import json

import jsonschema
import openapi_spec_validator
import pytest
from kit import edited, with_toy_product

from mockserver import document, resources, yaml12
from mockserver.schemas import compile_all
from mockserver.yaml12 import AuthorsMistake

ROOT = resources.OPENAPI_ROOT
FORMATS = jsonschema.FormatChecker(["uuid"])
FORMATS.checks("uri")(lambda value: not isinstance(value, str) or "://" in value)


def test_an_independent_linter_accepts_the_bundled_document(loaded):
    """openapi-spec-validator finds nothing wrong with the document in one piece."""
    openapi_spec_validator.validate(json.loads(json.dumps(loaded.raw)))


def test_ratios_stay_text_whatever_yaml_1_1_thinks(loaded):
    """`16:9` is 969 to PyYAML's own resolver; here it is text, also after the document was printed and read again."""
    body = next(op.body for op in loaded.operations if op.action == "submit")
    assert body.properties["aspect_ratio"].default == "16:9"


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("openapi.yaml", "paths:", "pathes:", "did you mean 'paths'?"),
        ("components/request.yaml", "maxLength: 2500\n  pattern", "maxLenght: 2500\n  pattern", "did you mean 'maxLength'?"),
        ("components/request.yaml", "min_side_px", "min_side", "did you mean 'min_side_px'?"),
        ("kling/lifecycle.yaml", "success: succeed", "success: succeeded", "did you mean 'succeed'?"),
        ("kling/lifecycle.yaml", "processing: [succeed, failed]", "processing: [succeeded]", "'succeeded' is no state"),
        ("kling/messages.yaml", "required: missing", "required: mising", "did you mean 'missing'?"),
        ("kling/messages.yaml", "'{value}' is invalid", "'{valeu}' is invalid", "not_allowed uses ['valeu']"),
        ("kling/choices.yaml", "chosen: each", "chosen: eech", "did you mean 'each'?"),
        ("kling/errors.yaml", "code: 1303", "code: 1302", "codes must differ"),
        ("kling/errors.yaml", "basis: observed", "basis: rumoured", "'rumoured' is none of documented"),
        ("components/responses.yaml", "1302, 1303, 1304", "1302, 1304", "cannot answer too_many_parallel_tasks"),
        ("paths/multi-image2video.yaml", "operationId: getMultiImageToVideo\n        ", "operationId: nope\n        ", "'nope'"),
        ("paths/multi-image2video.yaml", "x-kling-action: submit", "x-kling-action: sumbit", "did you mean 'submit'?"),
        ("paths/multi-image2video.yaml", "mode: pro\n", "mode: best\n", "the example is not valid"),
        ("paths/multi-image2video.yaml", "by: [mode, aspect_ratio]", "by: [mode, aspekt_ratio]", "did you mean 'aspect_ratio'?"),
        ("paths/multi-image2video.yaml", "default: std", "default: pro", None),
        ("components/task.yaml", "enum: [submitted, processing, succeed, failed]", "enum: [submitted]", "are not TaskStatus's"),
    ],
)  # fmt: skip
def test_a_document_that_means_nothing_is_refused_with_its_place(tmp_path, file, old, new, says):
    """Nothing is ignored: a misspelt word, a dangling name or a contradiction names file, line and the nearest word."""
    root = edited(tmp_path, file, old, new)
    if says is None:
        assert document.load(root).operations
        return
    with pytest.raises(AuthorsMistake) as refused:
        document.load(root)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\na: 2\n", "x:2: the key 'a' stands here twice"),
        ("a: &b [1]\nc: *b\n", "x:1: anchors and aliases are not taken"),
        ("[" * 100 + "]" * 100, "nested deeper"),
        ("a: !!python/object/apply:os.system [ls]\n", "tags such as"),
        ("a: [1\n", "is not YAML"),
        ("? [a]\n: 1\n", "a key must be text"),
    ],
)
def test_yaml_that_is_not_plain_is_refused(text, says):
    """A file means what it looks like: no aliases, tags, repeated keys or endless nesting."""
    with pytest.raises(AuthorsMistake) as refused:
        yaml12.parse(text, "x")
    assert says in str(refused.value)


def test_a_product_is_added_by_yaml_alone(tmp_path):
    """A toy product with the same create, query and list shape is served from a temporary document."""
    root = with_toy_product(tmp_path)
    loaded = document.load(root)
    assert {op.product for op in loaded.operations if op.action == "submit"} == {"multi-image2video", "toy2video"}


def test_replies_are_judged_alike_by_a_second_engine(loaded):
    """jsonschema, written apart from jsonschema-rs, agrees on every example and on damaged ones."""
    checker_at = compile_all(loaded.raw)
    judged = 0
    for path, item in loaded.raw["paths"].items():
        for method, operation in item.items():
            pointer = f"#/paths/{path.replace('/', '~1')}/{method}/responses/200/content/application~1json"
            media = operation["responses"]["200"]["content"]["application/json"]
            schema = {**media["schema"], "components": loaded.raw["components"]}
            oracle = jsonschema.Draft202012Validator(json.loads(json.dumps(schema)), format_checker=FORMATS)
            for example in media.get("examples", {}).values():
                for damaged in variations(example["value"]):
                    judged += 1
                    assert checker_at(f"{pointer}/schema").is_valid(damaged) == oracle.is_valid(damaged), damaged
    assert judged > 100


def variations(value):
    """The value, and it with each part left out, made null, or of another type."""
    yield value
    for key in value if isinstance(value, dict) else ():
        yield {name: item for name, item in value.items() if name != key}
        for other in (None, 1, "x", [], {}, True):
            yield {**value, key: other}
        for inner in variations(value[key]) if isinstance(value[key], dict) else ():
            yield {**value, key: inner}
