"""Many files of an OpenAPI document joined into one.

A `$ref` to a place that the root lists under `components` becomes a reference to that component; any other reference to a
file is replaced by what lies there. References leave neither the folder of the root nor the machine.
"""

from pathlib import Path
from typing import Any

from mockserver import yaml12
from mockserver.yaml12 import AuthorsMistake, Mapping

_MAX_JUMPS = 32


def bundle(root: Path) -> Mapping:
    """The whole document in one piece, its mappings still knowing file and line. Raises AuthorsMistake."""
    return _Bundler(root).document()


class _Bundler:
    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._files: dict[Path, Any] = {}
        self._components: dict[tuple[Path, str], str] = {}

    def document(self) -> Mapping:
        whole = self._file(self._root)
        if not isinstance(whole, Mapping):
            raise AuthorsMistake(self._root.name, "must hold a mapping")
        self._list_components(whole)
        joined = self._join(whole, self._root, 0)
        assert isinstance(joined, Mapping)
        return joined

    def _list_components(self, whole: Mapping) -> None:
        for kind, entries in (whole.get("components") or {}).items():
            for name, entry in entries.items():
                if isinstance(entry, Mapping) and "$ref" in entry:
                    self._components[self._target(entry, self._root)] = f"#/components/{kind}/{name}"

    def _join(self, value: Any, file: Path, jumps: int, *, listing: bool = False) -> Any:
        if isinstance(value, list):
            return [self._join(item, file, jumps) for item in value]
        if not isinstance(value, Mapping):
            return value
        if isinstance(value.get("$ref"), str):
            return self._follow(value, file, jumps, listing=listing)
        joined = Mapping(value.file, value.line)
        joined.lines = value.lines
        at_components = file == self._root and value is self._file(self._root).get("components")
        for key, item in value.items():
            if at_components and isinstance(item, Mapping):
                joined[key] = self._entries(item)
            else:
                joined[key] = self._join(item, file, jumps)
        return joined

    def _entries(self, entries: Mapping) -> Mapping:
        """The components themselves: here the reference is replaced by what it names."""
        joined = Mapping(entries.file, entries.line)
        joined.lines = entries.lines
        joined.update({name: self._join(entry, self._root, 0, listing=True) for name, entry in entries.items()})
        return joined

    def _follow(self, reference: Mapping, file: Path, jumps: int, *, listing: bool) -> Any:
        if jumps > _MAX_JUMPS:
            raise AuthorsMistake(reference.place("$ref"), f"$ref {reference['$ref']!r} leads back to itself")
        target = self._target(reference, file)
        known = self._components.get(target)
        if target[0] == self._root and target[1].startswith("/components/"):
            known = "#" + target[1]
        if known and not listing:
            return self._pointing(reference, known, file, jumps)
        return self._join(self._lookup(target, reference), target[0], jumps + 1)

    def _pointing(self, reference: Mapping, known: str, file: Path, jumps: int) -> Mapping:
        pointing = Mapping(reference.file, reference.line)
        pointing.lines = reference.lines
        for key, item in reference.items():
            pointing[key] = known if key == "$ref" else self._join(item, file, jumps)
        return pointing

    def _target(self, reference: Mapping, file: Path) -> tuple[Path, str]:
        name, _, pointer = str(reference["$ref"]).partition("#")
        if "://" in name:
            raise AuthorsMistake(reference.place("$ref"), f"$ref {reference['$ref']!r} leaves this machine")
        path = (file.parent / name).resolve() if name else file
        if not path.is_relative_to(self._root.parent):
            raise AuthorsMistake(reference.place("$ref"), f"$ref {reference['$ref']!r} leaves the document's folder")
        return path, pointer

    def _lookup(self, target: tuple[Path, str], reference: Mapping) -> Any:
        found = self._file(target[0])
        for step in filter(None, target[1].split("/")):
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or key not in found:
                raise AuthorsMistake(reference.place("$ref"), f"$ref {reference['$ref']!r} names nothing")
            found = found[key]
        return found

    def _file(self, path: Path) -> Any:
        if path not in self._files:
            self._files[path] = yaml12.read(path, shown_as=str(path.relative_to(self._root.parent)))
        return self._files[path]
