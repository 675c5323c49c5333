"""Where `openapi/` and `scenarios/` lie, in a checkout and in a wheel.

A wheel carries both folders inside this package; a checkout has them beside it.
"""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def _folder(name: str) -> Path:
    packed = _PACKAGE / name
    return packed if packed.is_dir() else _PACKAGE.parent / name


OPENAPI_ROOT = _folder("openapi") / "openapi.yaml"
"""The root file of the API's document."""

CONTROL_DOCUMENT = _folder("openapi") / "control" / "openapi.yaml"
"""The control plane's own document."""

SCENARIOS = _folder("scenarios")
"""The folder of stories, one a file."""

SEEDS = _PACKAGE / "seeds"
"""Pre-encoded video from which the placeholder clips are cut."""

PICTURES = _PACKAGE / "pictures"
"""Two pictures to try the service with."""
