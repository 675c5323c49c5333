"""`klingmock check server` as a person and a CI server meet it: words, reports, exit statuses."""

import json
import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from click.testing import CliRunner
from suite import proxy

from contracts.cli import server
from contracts.suite.paper import at, paper
from contracts.suite.registry import PROMISES
from mockserver import document, resources


def check(*words: str) -> tuple[int, str]:
    """Exit status and output of a run."""
    result = CliRunner().invoke(server, list(words))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.fixture
def keys(frozen: dict[str, Any]) -> list[str]:
    """The flags that open the double."""
    return ["--access-key", frozen["access_key"], "--secret-key", frozen["secret_key"]]


def test_what_holds_ends_with_status_0(frozen: dict[str, Any], keys: list[str]):
    """A line a promise, and one for the whole."""
    status, told = check(frozen["url"], *keys, "--promise", "an_expired_token_is_refused")
    assert (status, told.splitlines()) == (
        0,
        ["held       an_expired_token_is_refused", "1 held, 0 broken, 0 not shown"],
    )


def test_what_is_broken_ends_with_status_1_and_shows_itself(
    frozen: dict[str, Any], lying: proxy.Proxy, keys: list[str]
):
    """Name, clause, both sides in two aligned lines, and a curl line without the secret."""
    status, told = check(f"{lying.url}/unknown_ids_are_404+cli", *keys, "--promise", "an_unknown_id_is_refused")
    lines = told.splitlines()
    assert (status, lines[0]) == (1, "broken     an_unknown_id_is_refused")
    assert lines[1].split()[0] == "clause"
    assert lines[2].startswith("           documented  HTTP 400 with code 1201")
    assert lines[3].startswith("           received    HTTP 404 ")
    assert lines[4].split()[:2] == ["see", "curl"]
    assert '"Authorization: Bearer $TOKEN"' in lines[4]
    assert frozen["secret_key"] not in told


def test_the_curl_line_shows_the_breach(frozen: dict[str, Any], lying: proxy.Proxy, keys: list[str]):
    """Run by a shell with TOKEN set, it gets the very answer that was blamed."""
    _, told = check(f"{lying.url}/unknown_ids_are_404+curl", *keys, "--promise", "an_unknown_id_is_refused")
    line = next(line for line in told.splitlines() if " see " in line).partition("see ")[2].strip()
    environment = {**os.environ, "TOKEN": frozen["api_key"], "NO_PROXY": "*"}
    said = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, check=True).stdout
    assert said.startswith("HTTP/1.1 404")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["http://127.0.0.1:1"], "give --access-key"),
        (["127.0.0.1:1", "--api-key", "k"], "is no base URL"),
        (["http://127.0.0.1:1", "--access-key", "k"], "go together"),
        (["http://127.0.0.1:1", "--api-key", "k", "--budget", "much"], "no number of units"),
        (["http://127.0.0.1:1", "--api-key", "k", "--promise", "an_unknown_id_is_refuse"], "an_unknown_id_is_refused"),
    ],
)
def test_wrong_use_ends_with_status_2(words: list[str], told: str, monkeypatch: pytest.MonkeyPatch):
    """And says what would be right."""
    for name in ("KLING_ACCESS_KEY", "KLING_SECRET_KEY", "KLING_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    status, said = check(*words)
    assert status == 2
    assert told in said


def test_an_address_where_nobody_answers_is_inconclusive():
    """Status 3: nothing is broken, and nothing is proven."""
    status, told = check("http://127.0.0.1:1", "--api-key", "k")
    assert (status, told.startswith("inconclusive: ")) == (3, True)


class Mortal(BaseHTTPRequestHandler):
    """Lists nothing, and is never seen again after a create."""

    def do_GET(self):
        """An empty list."""
        told = b'{"code": 0, "message": "SUCCEED", "request_id": "1", "data": []}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def do_POST(self):
        """The end."""
        self.server.socket.close()

    def log_message(self, *_: object):
        """In silence."""


def test_the_call_that_ends_a_server_is_blamed():
    """And what could not be asked any more is not: status 1, with both told."""
    with HTTPServer(("127.0.0.1", 0), Mortal) as mortal:
        Thread(target=mortal.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{mortal.server_port}"
        words = ["--promise", "a_body_that_is_no_json_is_refused", "--promise", "an_unknown_id_is_refused"]
        status, told = check(url, "--api-key", "k", *words)
        mortal.shutdown()
    lines = told.splitlines()
    assert (status, lines[0]) == (1, "broken     a_body_that_is_no_json_is_refused")
    assert " see         curl " in told
    assert lines[-1].startswith(f"inconclusive: {url} does not answer")


def test_a_run_out_of_time_is_inconclusive_and_keeps_what_it_found(
    frozen: dict[str, Any], keys: list[str], tmp_path: Path
):
    """Status 3, and the report says how far it came and why no farther."""
    status, told = check(frozen["url"], *keys, "--time", "0.000001", "--report", str(tmp_path / "r.json"))
    report = json.loads((tmp_path / "r.json").read_text())
    assert (status, report["promises"]) == (3, [])
    assert told.strip() == f"inconclusive: {report['inconclusive']}"
    assert "--time" in told


@pytest.mark.parametrize("liar", ["honest", "unknown_ids_are_404"])
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_keeps_what_it_found(
    lying: proxy.Proxy, keys: list[str], tmp_path: Path, liar: str, sent: signal.Signals
):
    """CI servers end what takes too long: until then every finding stands, and a broken promise is broken."""
    words = ["--promise", "an_unknown_id_is_refused", "--promise", "results_come_with_success_and_only_then"]
    url, file = f"{lying.url}/{liar}+{sent.name}", tmp_path / "r.json"
    command = [sys.executable, "-m", "mockserver", "check", "server", url, *keys, *words, "--report", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        first = run.stdout.readline()  # the second promise waits for ever: the clock of this double stands still
        run.send_signal(sent)
        rest = run.communicate(timeout=30)[0]
    report = json.loads(file.read_text())
    assert first.split()[1] == "an_unknown_id_is_refused"
    assert (run.returncode, len(report["promises"])) == (3 if liar == "honest" else 1, 1)
    assert rest.splitlines()[-1] == "inconclusive: stopped after 1 of 2 promises"


def test_reports_tell_the_whole_run(frozen: dict[str, Any], keys: list[str], tmp_path: Path):
    """JSON with every finding, JUnit with what CI servers read."""
    names = ["--promise", "an_expired_token_is_refused", "--promise", "a_stranger_cannot_query_a_task"]
    files = ["--report", str(tmp_path / "r.json"), "--junit", str(tmp_path / "r.xml")]
    assert check(frozen["url"], *keys, *names, *files)[0] == 0
    told = json.loads((tmp_path / "r.json").read_text())
    suite = ElementTree.parse(tmp_path / "r.xml").getroot()
    assert told["counts"] == {"held": 1, "not shown": 1}
    assert [each["promise"] for each in told["promises"]] == names[1::2]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "0", "1")


def test_a_safe_run_spends_nothing(frozen: dict[str, Any]):
    """Every promise that a safe run tries is tried, and no task is there afterwards."""
    control = f"{frozen['url']}/__kling"
    made = httpx.post(f"{control}/sandboxes", json={"rate": 0}, trust_env=False).json()
    status, told = check(
        frozen["url"],
        "--access-key",
        made["access_key"],
        "--secret-key",
        made["secret_key"],
        "--safe",
        "--max-examples",
        "5",
    )
    tasks = httpx.get(f"{control}/tasks", params={"sandbox": made["access_key"]}, trust_env=False).json()
    assert (status, len(tasks["tasks"])) == (0, 0)
    assert told.count("held ") >= 40


def test_the_same_seed_sends_the_same_calls(judge: Any, lying: proxy.Proxy):
    """Examples are drawn from the seed and from nothing else."""
    names = ["a_nearly_valid_body_is_refused", "no_body_breaks_the_server", "an_unknown_id_is_refused"]

    def sent(seed: int) -> list[tuple[str, bytes]]:
        lying.heard.clear()
        judge("honest", *names, seed=seed)
        return [(call.path.rpartition("/")[2], call.body) for call in lying.heard]

    first = sent(7)
    assert sent(7) == first
    assert sent(8) != first


def test_two_readers_of_the_document_agree():
    """The suite's own bundler and the double's give the same document."""
    served = document.load(resources.OPENAPI_ROOT).raw

    def joined(value: Any) -> Any:
        if isinstance(value, list):
            return [joined(item) for item in value]
        if not isinstance(value, dict):
            return value
        beside = {key: joined(item) for key, item in value.items() if key != "$ref"}
        return {**joined(at(served, value["$ref"])), **beside} if "$ref" in value else beside

    assert joined(served) == paper().raw


@pytest.mark.parametrize("name", PROMISES)
def test_every_promise_is_a_sentence_with_a_clause(name: str):
    """Its name reads as one, its docstring says it again, and its clause is in the document."""
    promise = PROMISES[name]
    assert len(name.split("_")) >= 4
    assert promise.about
    at(paper().raw, promise.clause)


def test_the_kit_starts_without_its_extra(monkeypatch: pytest.MonkeyPatch):
    """A command that lacks its extra names it and exits 2."""
    monkeypatch.setitem(sys.modules, "schemathesis", None)
    status, told = check("http://127.0.0.1:1", "--api-key", "k")
    assert (status, "klingmock[test]" in told) == (2, True)
