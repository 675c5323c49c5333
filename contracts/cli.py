"""`klingmock check server URL`: the promises, shown to a person and told to a machine."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

WRONG_USE = 2


@click.command("server")
@click.argument("url")
@click.option("--access-key", envvar="KLING_ACCESS_KEY", help="AccessKey of the account.")
@click.option("--secret-key", envvar="KLING_SECRET_KEY", help="Its SecretKey.")
@click.option("--api-key", envvar="KLING_API_KEY", help="Static API key of the account.")
@click.option("--other-access-key", help="AccessKey of a second account, to see that neither sees the other.")
@click.option("--other-secret-key", help="Its SecretKey.")
@click.option("--other-api-key", help="Or its static API key.")
@click.option("--control", default="", metavar="URL", help="Control plane of a double, such as URL/__kling/.")
@click.option("--control-token", default="", envvar="KLINGMOCK_CONTROL_TOKEN", help="Its token, where it wants one.")
@click.option("--seed", default=0, show_default=True, help="The same seed tries the same examples.")
@click.option("--max-examples", default=20, show_default=True, type=click.IntRange(1), help="Examples a promise.")
@click.option("--budget", default="100", show_default=True, metavar="UNITS", help="Units that may be spent.")
@click.option("--safe", is_flag=True, help="Spend nothing: only calls that are free or must be refused.")
@click.option(
    "--patience",
    default=40.0,
    show_default=True,
    type=click.FloatRange(0),
    metavar="S",
    help="How long tasks are waited for; the real service takes minutes.",
)
@click.option(
    "--time",
    default=900.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    metavar="S",
    help="How long the whole run may take.",
)
@click.option("--promise", "names", multiple=True, metavar="NAME", help="Only this promise; repeatable.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write what came of it as JSON.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write it as JUnit XML.")
def server(url: str, **flags: Any) -> None:
    """Hold a server against the document, promise by promise.

    Broken promises are shown with their clause and a curl line; exit status 1 if there is one, 3 if
    nothing answers or the run was cut short. Reports are written in every case.

    \b
    Example: klingmock check server http://127.0.0.1:5546 --api-key $KLING_API_KEY --safe
    """
    _need_the_kit()
    from contracts.suite.checking import check  # noqa: PLC0415  takes the extra `test`

    sys.exit(check(url, flags, click.echo))


def _need_the_kit() -> None:
    """Stop with a word about the extra when it is not there."""
    try:
        import_module("hypothesis")
        import_module("schemathesis")
    except ImportError as missing:
        click.echo(f"klingmock: {missing.name} is not installed: pip install 'klingmock[test]'", err=True)
        sys.exit(WRONG_USE)
