"""The command line: what people type.

Commands import what they need when they run, so that `--help` is quick. Every flag can be set by an environment variable of
the same name.
"""

import sys
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from mockserver.yaml12 import AuthorsMistake

ACCESS_KEY = "klingmock0accesskey0000000000000"
SECRET_KEY = "klingmock0secretkey0000000000000"
API_KEY = "api-key-kling-klingmock0000000000000000000000000000000000"
PORT = 5546
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

Command = TypeVar("Command", bound=Callable[..., Any])


class Units(click.ParamType[Decimal]):
    """A decimal number of units."""

    name = "units"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            units = Decimal(value)
        except InvalidOperation:
            units = Decimal("NaN")
        if not units.is_finite() or units < 0:
            self.fail(f"{value!r} is no number of units", param, ctx)
        return units


def option(flag: str, **settings: Any) -> Callable[[Command], Command]:
    """A flag that its environment variable can set too: `--port` is KLINGMOCK_PORT."""
    variable = "KLINGMOCK_" + flag.lstrip("-").upper().replace("-", "_")
    return click.option(flag, envvar=variable, show_default=True, **settings)


def stop(message: str) -> NoReturn:
    """End with status 2: wrong use, or a file that cannot be loaded."""
    click.echo(f"klingmock: {message}", err=True)
    sys.exit(2)


class _WithCommands(click.Group):
    """Some commands live in a room of their own, which uses this one."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's own signature
        from mockserver.commands import COMMANDS

        return sorted({**self.commands, **COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's own
        from mockserver.commands import COMMANDS

        return {**self.commands, **COMMANDS}.get(cmd_name)


@click.group(cls=_WithCommands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="klingmock")
def main() -> None:
    """A local double of the Kling AI video API.

    \b
    Example: klingmock serve --pace instant
    """


class _Check(click.Group):
    """What the contract kit proves; it is loaded only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's own signature
        return ["server"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's own
        from contracts import cli as kit

        return {"server": kit.server}.get(cmd_name)


@main.group(cls=_Check)
def check() -> None:
    """Prove that a server keeps the API's promises.

    \b
    Example: klingmock check server http://127.0.0.1:5546 --safe
    """


_SERVE_FLAGS = (
    option("--host", default="127.0.0.1", help="Address to listen on."),
    option("--port", default=PORT, type=click.IntRange(0, 65535), help="Port to listen on; 0 is any free one."),
    option("--port-file", type=click.Path(dir_okay=False, path_type=Path), help="Write address and keys here when ready."),
    option("--access-key", default=ACCESS_KEY, help="The account's AccessKey."),
    option("--secret-key", default=SECRET_KEY, help="The account's SecretKey."),
    option("--api-key", default=API_KEY, help="The account's static API key."),
    option("--auth", default="strict", type=click.Choice(["strict", "lenient", "off"]), help="How tokens are judged."),
    option("--scenario", default="default", help="The story to play: a name of the catalogue, or a file."),
    option("--pace", default="fast", help="How long the calm day's tasks take: instant, fast or realistic."),
    option("--speed", default=1.0, type=click.FloatRange(0, 1_000_000), help="Sandbox time per real time; 0 is frozen."),
    option("--seed", default=None, help="Where randomness begins; random and printed if not given."),
    option("--concurrency", default=None, type=click.IntRange(0), help="Unfinished tasks at once; the document's if not given."),
    option("--balance", default=None, type=Units(), help="Units the account holds; unlimited if not given."),
    option("--journal", default=10_000, type=click.IntRange(0), help="Calls kept."),
    option("--public-url", default="", help="What result links are built from; the request's Host if not given."),
    option("--tls-cert", default=None, type=click.Path(exists=True, dir_okay=False), help="Certificate, for https."),
    option("--tls-key", default=None, type=click.Path(exists=True, dir_okay=False), help="Its key."),
    option("--state", default=None, help="Reserved: keeping state in a file is not there yet."),
    option("--control-token", default="", help="Demanded as bearer token on /__kling/ when set."),
    option("--callback-allow", multiple=True, help="Another host callbacks may go to."),
    option("--webhook-secret", default="", help="Sign callbacks with this whsec_ secret."),
    option("--no-headers", is_flag=True, help="Do not say in a header which rule decided a reply."),
    option("--choose", multiple=True, metavar="NAME=OPTION", help="Another option where the sources are silent."),
)  # fmt: skip


def serve_flags(command: Command) -> Command:
    """Every flag that describes a double."""
    for add in reversed(_SERVE_FLAGS):
        command = add(command)
    return command


@main.command()
@serve_flags
def serve(port_file: Path | None, **flags: Any) -> None:
    """Run the double in the foreground.

    \b
    Example: klingmock serve --port 0 --port-file /tmp/kling.json --pace instant
    """
    from mockserver import launch

    options = _options(flags)
    _log_to_stderr()

    def ready(house: Any, url: str) -> None:
        for line in _loaded(house, options):
            click.echo(line, err=True)
        if port_file is not None:
            launch.write_port_file(port_file, url, options.account)
        click.echo(f"listening on {url}")
        sys.stdout.flush()

    _run(options, ready)


def _run(options: Any, ready: Any) -> None:
    from mockserver import launch

    try:
        launch.run(options, ready)
    except AuthorsMistake as mistake:
        stop(str(mistake))
    except OSError as error:
        stop(f"cannot listen on {options.host}:{options.port}: {error.strerror or error}")


def _options(flags: dict[str, Any]) -> Any:
    """The flags as the server takes them; wrong combinations end with status 2."""
    from mockserver import launch
    from mockserver.signature import check_secret
    from mockserver.values import Account
    from mockserver.worlds import new_seed

    if flags.pop("state") is not None:
        stop("--state is not there yet: everything lives in memory until the server stops")
    account = Account(flags.pop("access_key"), flags.pop("secret_key"), flags.pop("api_key"))
    certificate, key = flags.pop("tls_cert"), flags.pop("tls_key")
    if bool(certificate) != bool(key):
        stop("--tls-cert and --tls-key go together")
    if flags["webhook_secret"]:
        try:
            check_secret(flags["webhook_secret"])
        except ValueError as error:
            stop(f"--webhook-secret: {error}")
    flags["headers"] = not flags.pop("no_headers")
    flags["choose"] = _chosen(flags["choose"])
    flags["control_token"] = _control_token(flags["host"], flags["control_token"])
    flags["seed"] = flags["seed"] or new_seed()
    return launch.Options(account=account, tls=(certificate, key) if certificate else None, **flags)


def _chosen(pairs: tuple[str, ...]) -> dict[str, str]:
    chosen = dict(pair.partition("=")[::2] for pair in pairs)
    if "" in chosen.values():
        stop("--choose takes NAME=OPTION")
    return chosen


def _control_token(host: str, token: str) -> str:
    """Off loopback the control plane never stands open: a token is made where none was given."""
    if token or host in _LOOPBACK:
        return token
    import secrets

    made = secrets.token_urlsafe(18)
    click.echo(f"control token: {made}", err=True)
    return made


def _loaded(house: Any, options: Any) -> list[str]:
    box = house.worlds.default
    return [
        f"document    {len(house.document.operations)} operations, {len(house.document.assumptions())} assumptions",
        f"scenario    {box.scenario.name}, pace {options.pace}, seed {options.seed}",
        f"clock       rate {box.clock.rate:g}",
        f"access key  {options.account.access_key}",
        f"secret key  {options.account.secret_key}",
        f"api key     {options.account.api_key}",
    ]


def _log_to_stderr() -> None:
    import logging

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")


@main.command()
@click.option(
    "--output", default="demo", type=click.Path(file_okay=False, path_type=Path), help="Where the video goes."
)
def demo(output: Path) -> None:
    """Do the main job once on real input: two pictures become a video.

    \b
    Example: klingmock demo --output /tmp/demo
    """
    from contracts import KlingError
    from contracts.demo import play
    from mockserver import resources
    from mockserver.doubles import running

    def say(label: str, text: str) -> None:
        click.echo(f"{label:<10} {text}")

    with running(["--pace", "fast"]) as double:
        say("double", f"{double['url']} (clock at its real pace, about 3 s a task)")
        pictures = sorted(resources.PICTURES.glob("*.jpg"))
        try:
            video = play(double["url"], double["api_key"], pictures, output, say)
        except (KlingError, OSError) as error:
            click.echo(f"klingmock: the demo failed: {error}", err=True)
            sys.exit(1)
    say("video", f"{video.stat().st_size // 1024} KB, plays in any browser; next: klingmock serve")
    click.echo(str(video))


@main.command()
@option("--access-key", default=ACCESS_KEY, help="Whose token.")
@option("--secret-key", default=SECRET_KEY, help="What it is signed with.")
@click.option("--expires-in", default=1800.0, show_default=True, help="Seconds until it ends; negative: it has ended.")
@click.option("--not-before", default=-5.0, show_default=True, help="Seconds from now until it begins.")
def token(access_key: str, secret_key: str, expires_in: float, not_before: float) -> None:
    """Print a bearer token, as the vendor's samples make it.

    \b
    Example: curl -H "Authorization: Bearer $(klingmock token)" http://127.0.0.1:5546/v1/videos/multi-image2video
    """
    import warnings

    import jwt

    from mockserver.clock import wall_s

    now = wall_s()
    claims = {"iss": access_key, "exp": int(now + expires_in), "nbf": int(now + not_before)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a short secret is the tester's business
        click.echo(jwt.encode(claims, secret_key, algorithm="HS256"))


@main.command()
@click.option("--format", "form", default="yaml", show_default=True, type=click.Choice(["yaml", "json"]))
@click.option("--assumptions", is_flag=True, help="List what the document only assumes, and why.")
def spec(form: str, assumptions: bool) -> None:
    """Print the OpenAPI document in one piece.

    \b
    Example: klingmock spec --format json > kling.json
    """
    import json

    from mockserver import document, resources
    from mockserver.control import as_yaml

    try:
        loaded = document.load(resources.OPENAPI_ROOT)
    except AuthorsMistake as mistake:
        stop(str(mistake))
    if assumptions:
        for pointer, source in loaded.assumptions():
            click.echo(f"{pointer}\n    {source}")
    elif form == "json":
        click.echo(json.dumps(loaded.raw, indent=2, ensure_ascii=False))
    else:
        click.echo(as_yaml(loaded).decode(), nl=False)
