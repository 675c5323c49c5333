"""Writes the generated parts of README.md: the catalogue of stories and the command line's help.

Run `python .ci/readme.py` to write, `--check` to fail when the file is stale.
"""

import re
import sys
from pathlib import Path

from click.testing import CliRunner

from mockserver import document, resources
from mockserver.cli import main as klingmock
from mockserver.stories import Library

README = Path(__file__).parent.parent / "README.md"


def catalogue() -> str:
    """A table of every story."""
    library = Library(resources.SCENARIOS, document.load(resources.OPENAPI_ROOT))
    rows = [f"| `{name}` | {first_sentence(library.story(name).about)} |" for name in library.names()]
    return "\n".join(["| story | what happens |", "|---|---|", *rows])


def first_sentence(about: str) -> str:
    """As much of a story's `about` as a table has room for."""
    return re.split(r"(?<=[.!?]) ", " ".join(about.split()))[0].replace("|", "\\|")


def help_text() -> str:
    """What every command says of itself."""
    runner = CliRunner(env={"COLUMNS": "100"})
    pages = [(["--help"], "klingmock --help")]
    names = [*sorted(klingmock.commands), "check server"]
    pages += [([*name.split(), "--help"], f"klingmock {name} --help") for name in sorted(names)]
    shown = [
        f"$ {title}\n{runner.invoke(klingmock, words, prog_name='klingmock').output.rstrip()}" for words, title in pages
    ]
    return "```console\n" + "\n\n".join(shown) + "\n```"


def written(text: str) -> str:
    """The README with its generated parts as they should be."""
    for name, part in (("catalogue", catalogue()), ("help", help_text())):
        pattern = rf"(<!-- {name}: [^>]*-->\n).*?(<!-- end of {name} -->)"
        text = re.sub(pattern, lambda found, part=part: f"{found[1]}{part}\n{found[2]}", text, flags=re.DOTALL)
    return text


def main() -> None:
    """Write, or check."""
    text = README.read_text(encoding="utf-8")
    if "--check" not in sys.argv:
        README.write_text(written(text), encoding="utf-8")
    elif written(text) != text:
        sys.exit("README.md is stale: run python .ci/readme.py")


if __name__ == "__main__":
    main()
