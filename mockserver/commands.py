"""The commands that use a double rather than being one: run a program beside it, leaf through its stories, look into it.

Their answers end with the next step one might take.
"""

import json
import os
import secrets
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from mockserver.cli import PORT, Command, option, serve_flags, stop
from mockserver.yaml12 import AuthorsMistake

_INCONCLUSIVE = 3
_ADVANCE_PATIENCE_S = 600

_format = click.option("--format", "form", default="text", show_default=True, type=click.Choice(["text", "json"]))


def _note(text: str) -> None:
    """Say something beside the answer."""
    click.echo(f"klingmock: {text}", err=True)


def _answer(form: str, told: Any, lines: Iterable[str]) -> None:
    """The answer: as a program wants it, or as lines for people, the next step last."""
    if form == "json":
        lines = [json.dumps(told, indent=2, ensure_ascii=False)]
    for line in lines:
        click.echo(line)


# -- exec


@click.command("exec", context_settings={"allow_interspersed_args": False})
@serve_flags
@click.option("--strict", is_flag=True, help="Exit 1 if COMMAND exits 0 but a request broke the document.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_context
def exec_(context: click.Context, /, command: tuple[str, ...], strict: bool, port_file: Path | None, **_: Any) -> None:
    """Run COMMAND beside a double of its own, and say what it cost.

    COMMAND finds the double by KLING_BASE_URL, KLING_ACCESS_KEY, KLING_SECRET_KEY and KLING_API_KEY, each as KLINGAI_…
    too, and its control plane by KLINGMOCK_URL. The exit status is COMMAND's.

    \b
    Example: klingmock exec --pace instant --strict -- npm test
    """
    from mockserver import beside, doubles

    flags = _flags(context)
    try:
        with doubles.running(flags, port_file=port_file) as double:
            status = beside.run(command, {**os.environ, **doubles.environment(double)})
            lines, judged = beside.verdict(double)
    except doubles.NotStarted as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except beside.CannotRun as error:
        _note(str(error))
        sys.exit(error.status)
    for line in [*lines, f"the same again: klingmock exec {flags[0]} …"]:
        _note(line)
    sys.exit(status or (judged if strict else 0))


_HERE_ONLY = {"port", "port_file"}  # an environment that speaks of a server's does not mean this one's
_OURS = {"strict", "command", "port_file", "seed"}


def _flags(context: click.Context) -> list[str]:
    """The double's flags as they were given, by hand or by environment; its seed, chosen here to be told, comes first."""
    written = [f"--seed={context.params['seed'] or secrets.randbelow(2**32)}"]
    for param in context.command.params:
        name = str(param.name)
        source = context.get_parameter_source(name)
        by_environment = source is ParameterSource.ENVIRONMENT and name not in _HERE_ONLY
        if name not in _OURS and (source is ParameterSource.COMMANDLINE or by_environment):
            written += _written(param.opts[0], context.params[name])
    return written


def _written(flag: str, value: Any) -> list[str]:
    match value:
        case bool():
            return [flag] if value else []
        case tuple():
            return [f"{flag}={each}" for each in value]
    return [f"{flag}={value}"]


# -- scenarios


@click.group()
def scenarios() -> None:
    """Leaf through the stories a double can play, and check your own.

    \b
    Example: klingmock scenarios list
    """


def _library() -> Any:
    from mockserver import document, resources
    from mockserver.stories import Library

    return Library(resources.SCENARIOS, document.load(resources.OPENAPI_ROOT))


@scenarios.command("list")
@_format
def list_(form: str) -> None:
    """Every story, by what it is about, with its first sentence.

    \b
    Example: klingmock scenarios list --format json
    """
    from mockserver import catalogue

    try:
        titles = catalogue.titles(_library())
    except AuthorsMistake as mistake:
        stop(str(mistake))
    _answer(form, [title._asdict() for title in titles], _listed(titles))


def _listed(titles: Sequence[Any]) -> Iterator[str]:
    from mockserver.catalogue import GROUPS

    for group, meaning in GROUPS.items():
        yield f"{group}: {meaning}"
        yield from (f"  {title.name:<34} {title.sentence}" for title in titles if title.group == group)
    yield f"{len(titles)} stories; next: klingmock scenarios show NAME"


@scenarios.command()
@click.argument("name")
def show(name: str) -> None:
    """Print a story as it is written.

    \b
    Example: klingmock scenarios show slots_full_then_free
    """
    from mockserver import resources

    try:
        _library().story(name)
    except AuthorsMistake as mistake:
        stop(str(mistake))
    file = resources.SCENARIOS / f"{name}.yaml"
    click.echo((file if file.is_file() else Path(name)).read_text(encoding="utf-8"), nl=False)
    click.echo(f"# next: klingmock serve --scenario {name}")


@scenarios.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
def validate(files: tuple[Path, ...]) -> None:
    """Check stories of your own; exits 2 if one of them cannot be played.

    \b
    Example: klingmock scenarios validate tests/stories/*.yaml
    """
    library, bad = _library(), 0
    for file in files:
        try:
            story = library.story(str(file.absolute()))
        except AuthorsMistake as mistake:
            bad += 1
            click.echo(_with_folder(str(mistake), file), err=True)
        else:
            rules = len(story.rules)
            click.echo(f"{file}: fine, {rules} rule{'' if rules == 1 else 's'}")
    if bad:
        _note(f"{bad} of {len(files)} cannot be played; next: klingmock scenarios show NAME for one that can")
        sys.exit(2)
    click.echo(f"next: klingmock serve --scenario {files[0]}")


def _with_folder(mistake: str, file: Path) -> str:
    """A mistake names the file it stands in; the one that was given is named as it was given."""
    return f"{file}{mistake.removeprefix(file.name)}" if mistake.startswith(f"{file.name}:") else mistake


# -- a running double


_REMOTE_FLAGS = (
    option("--url", default=f"http://127.0.0.1:{PORT}", help="The double's address."),
    option("--sandbox", default=None, metavar="ACCESS_KEY", help="Whose world; the default account's if not given."),
    option("--control-token", default="", help="If the double demands one."),
    _format,
)


def remote_flags(command: Command) -> Command:
    """Every flag that finds a running double."""
    for add in reversed(_REMOTE_FLAGS):
        command = add(command)
    return command


@contextmanager
def _asking(url: str, sandbox: str | None, control_token: str) -> Iterator[Any]:
    """A running double to ask; no answer ends with status 3, a refusal with 2."""
    from mockserver.remote import Refused, Remote, Unreachable

    try:
        yield Remote(url, sandbox, control_token)
    except Unreachable as error:
        _note(f"{error}; start one with: klingmock serve")
        sys.exit(_INCONCLUSIVE)
    except Refused as error:
        _note(str(error))
        sys.exit(2 if error.status < 500 and error.status != 409 else _INCONCLUSIVE)


@click.command()
@click.argument("id", required=False)
@remote_flags
def tasks(id: str | None, form: str, **where: Any) -> None:
    """What tasks a running double has, or the life of one.

    \b
    Example: klingmock tasks 953609147889377280
    """
    with _asking(**where) as double:
        told = double.get(f"tasks/{_quoted(id)}" if id else "tasks")
    _answer(form, told, _life(told) if id else _in_a_row(told["tasks"]))


def _in_a_row(tasks: Sequence[Any]) -> Iterator[str]:
    yield from map(_task, tasks)
    yield f"{len(tasks)} in all; next: klingmock tasks ID"


def _life(task: Any) -> Iterator[str]:
    yield _task(task)
    yield from (_event(event, task["timeline"][0]["at_ms"]) for event in task["timeline"])
    yield "next: klingmock clock advance 10m, klingmock callbacks"


def _task(task: Any) -> str:
    return f"{task['task_id']}  {task['task_status']:<10}  {task['product']}  {task['units']} units"


def _event(event: dict[str, Any], born_ms: int) -> str:
    told = [f"{name}={value}" for name, value in event.items() if name not in ("at_ms", "kind") and value is not None]
    return f"  +{event['at_ms'] - born_ms} ms\t{event['kind']:<8}  {' '.join(told)}"


@click.command()
@click.argument("action", required=False, type=click.Choice(["advance", "rate"]))
@click.argument("value", required=False)
@remote_flags
def clock(action: str | None, value: str | None, form: str, **where: Any) -> None:
    """Read a sandbox's clock, advance it, set its rate.

    At rate 0 it is frozen; one cannot go back.

    \b
    Example: klingmock clock advance 10m
    """
    wish = _clock_wish(action, value)
    with _asking(**where) as double:
        told = double.ask("POST", "clock", wish, patience_s=_ADVANCE_PATIENCE_S) if wish else double.get("clock")
    _answer(form, told, _time(told, "tasks" if action == "advance" else "clock advance 10m"))


def _clock_wish(action: str | None, value: str | None) -> dict[str, float] | None:
    from mockserver import durations

    if action is None:
        return None
    if value is None:
        raise click.UsageError(f"say how: clock {action} {'10m' if action == 'advance' else '60'}")
    try:
        return {"advance_ms": durations.milliseconds(value)} if action == "advance" else {"rate": _rate(value)}
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _rate(value: str) -> float:
    """Raises ValueError that says what would be right."""
    if not value.replace(".", "", 1).isdecimal():
        raise ValueError(f"{value!r} is no rate; write it like 0, 1 or 60")
    return float(value)


def _time(told: Any, following: str) -> Iterator[str]:
    from mockserver import telling

    yield from map(telling.fired, told["fired"])
    yield f"{telling.moment(told['now_ms'])}  rate {told['rate']:g}"
    yield f"next: klingmock {following}"


@click.command()
@click.argument("action", required=False, type=click.Choice(["resend"]))
@click.argument("id", required=False)
@remote_flags
def callbacks(action: str | None, id: str | None, form: str, **where: Any) -> None:
    """What callbacks were due and how they went; send one again.

    \b
    Example: klingmock callbacks resend 953609147889377280001
    """
    if action and not id:
        raise click.UsageError("say which: callbacks resend ID")
    with _asking(**where) as double:
        told = double.ask("POST", f"callbacks/{_quoted(id)}/resend") if id else double.get("callbacks")
    _answer(form, told, [f"on its way as {told['id']}; next: klingmock callbacks"] if id else _deliveries(told))


def _deliveries(told: Any) -> Iterator[str]:
    from mockserver import telling

    yield from map(telling.callback, told["callbacks"])
    yield f"{len(told['callbacks'])} in all; next: klingmock callbacks resend ID"


def _quoted(name: str) -> str:
    """A name as part of a path."""
    from urllib.parse import quote

    return quote(name, safe="")


COMMANDS: dict[str, click.Command] = {str(each.name): each for each in (exec_, scenarios, tasks, clock, callbacks)}
"""What `klingmock` offers from here."""

for _param in exec_.params:
    if _param.name == "port":
        _param.default = 0  # beside others, any free port will do
