"""What a request's schema means for reading a value: which parts exist, which must, and what holds when they are left out.

`null` and empty text mean "not given" for every property (the vendor's own sample sends `""` for those it does not use).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

NOT_GIVEN: Any = object()
_NOTHING = (None, "")


@dataclass(frozen=True, slots=True)
class ImageRules:
    """What the service would take as an image: `x-kling-image` of the document."""

    formats: tuple[str, ...]
    max_bytes: int
    min_side_px: int
    max_pixels: int
    min_ratio: float
    max_ratio: float
    address: re.Pattern[str]  # what a URL of a scheme the document takes looks like


@dataclass(frozen=True, slots=True)
class Shape:
    """A schema, reduced to what reading needs."""

    type: str
    default: Any = NOT_GIVEN
    properties: Mapping[str, "Shape"] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    items: "Shape | None" = None
    refuse: Mapping[str, str] = field(default_factory=dict)  # keyword -> situation, where the schema names its own
    image: ImageRules | None = None
    defaults: dict[str, Any] = field(default_factory=dict)  # of its properties
    open_parts: tuple[tuple[str, "Shape"], ...] = ()  # properties inside which something may be left out

    def at(self, path: tuple[str | int, ...]) -> "Shape | None":
        """The shape of a part of the value, None where the document says nothing of it."""
        shape: Shape | None = self
        for step in path:
            if shape is None:
                break
            shape = shape.items if isinstance(step, int) else shape.properties.get(step)
        return shape

    @property
    def settled(self) -> bool:
        """Whether nothing in it can be left out: every property is required, all the way down."""
        inner = [*self.properties.values(), *([self.items] if self.items else [])]
        return self.required >= self.properties.keys() and all(part.settled for part in inner)

    def given(self, value: Any) -> Any:
        """`value` with everything left out that was not given, and defaults filled in; parts of a wrong type stay.

        What is required stays as it is, also null: validation says that it is missing.
        """
        if self.properties and isinstance(value, dict):
            return self._given_properties(value)
        if self.items is not None and not self.items.settled and isinstance(value, list):
            return [self.items.given(item) for item in value]
        return value

    def _given_properties(self, value: dict[str, Any]) -> dict[str, Any]:
        required = self.required
        told = {name: part for name, part in value.items() if part not in _NOTHING or name in required}
        given = self.defaults | told
        for name, shape in self.open_parts:
            if name in given:
                given[name] = shape.given(given[name])
        return given

    def image_places(self) -> Iterator[tuple[tuple[str | None, ...], ImageRules]]:
        """Where images stand: paths in which None is any item of a list."""
        if self.image is not None:
            yield (), self.image
        for name, shape in self.properties.items():
            yield from (((name, *rest), rules) for rest, rules in shape.image_places())
        if self.items is not None:
            yield from (((None, *rest), rules) for rest, rules in self.items.image_places())


def shape_of(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Shape:
    """Read the shape of a bundled schema; `components` are the document's schemas by name."""
    schema = _resolved(schema, components)
    properties = {name: shape_of(part, components) for name, part in schema.get("properties", {}).items()}
    return Shape(
        type=schema.get("type", "any"),
        default=schema.get("default", NOT_GIVEN),
        properties=properties,
        required=frozenset(schema.get("required", ())),
        items=shape_of(schema["items"], components) if "items" in schema else None,
        refuse=schema.get("x-kling-refuse", {}),
        image=_image_rules(schema["x-kling-image"]) if "x-kling-image" in schema else None,
        defaults={name: part.default for name, part in properties.items() if part.default is not NOT_GIVEN},
        open_parts=tuple((name, part) for name, part in properties.items() if not part.settled),
    )


def _resolved(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        named = components[schema["$ref"].rpartition("/")[2]]
        schema = {**named, **{key: item for key, item in schema.items() if key != "$ref"}}
    return schema


def _image_rules(rules: Mapping[str, Any]) -> ImageRules:
    return ImageRules(
        formats=tuple(rules["formats"]),
        max_bytes=rules["max_bytes"],
        min_side_px=rules["min_side_px"],
        max_pixels=rules["max_pixels"],
        min_ratio=rules["min_ratio"],
        max_ratio=rules["max_ratio"],
        address=re.compile(rf"(?:{'|'.join(rules['url_schemes'])})://[^\s/?#]+\S*", re.IGNORECASE),
    )
