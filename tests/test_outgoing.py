"""Callbacks reach receivers on loopback and nobody else, and whatever a receiver does ends as an outcome in time.

Receivers here are real sockets on loopback. Wherever another address is spoken of, `connect` is ours: it writes down
what it was asked for and, at most, dials the receiver on loopback instead. No test asks a name server.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpcore
import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from mockserver.destinations import Destinations
from mockserver.outgoing import Outcome, Outgoing

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Run = Callable[[Coroutine[Any, Any, Any]], Any]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run one coroutine to its end, on the loop the server uses and on Python's own."""

    def run_once(story: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(asyncio.wait_for(story, 20))

    return run_once


@dataclass
class Receiver:
    """A server on loopback that writes down each request, then does as `answer` says, then hangs up."""

    answer: Answer
    port: int = 0
    heard: list[bytes] = field(default_factory=list)
    calls: set[asyncio.Task[Any] | None] = field(default_factory=set)
    arrivals: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/cb"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls.add(asyncio.current_task())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heard.append(head + await reader.readexactly(2))
            self.arrivals.release()
            await self.answer(reader, writer)
        except (OSError, RuntimeError, asyncio.IncompleteReadError):
            pass  # the other side hung up; uvloop calls writing to a closed transport a RuntimeError
        writer.close()

    async def all_gone(self) -> None:
        """Every call has ended: nobody on the other side keeps a connection open."""
        for call in filter(None, self.calls):
            await asyncio.wait_for(call, 5)


@asynccontextmanager
async def receiver(answer: bytes | Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    there = Receiver(saying(answer) if isinstance(answer, bytes) else answer)
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0, ssl=tls)
    there.port = server.sockets[0].getsockname()[1]
    try:
        yield there
    finally:
        server.close()
        await there.all_gone()


def saying(reply: bytes) -> Answer:
    async def say(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply)
        await writer.drain()

    return say


def repeating(start: bytes, drop: bytes, every_s: float = 0.01) -> Answer:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while not (reader.at_eof() or writer.is_closing()):
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(every_s)

    return drip


async def hanging(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def resetting(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@dataclass
class Dialled:
    """A `connect` that reaches loopback only: it writes down who was asked for, and dials `port` here."""

    port: int | None = None
    addresses: list[str] = field(default_factory=list)
    deaf: tuple[str, ...] = ()
    failure: Exception = field(default_factory=lambda: httpcore.ConnectError("nobody is there"))

    async def __call__(self, address: str, _: int) -> httpcore.AsyncNetworkStream:
        self.addresses.append(address)
        if self.port is None or address in self.deaf:
            raise self.failure
        return await httpcore.AnyIOBackend().connect_tcp("127.0.0.1", self.port)


@dataclass
class Names:
    """A `resolve` that knows a few names, answers each time with the next of their addresses, and counts."""

    known: dict[str, Iterable[list[str]]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, _: int) -> list[str]:
        self.asked.append(host)
        if host not in self.known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        self.known[host] = rest = iter(self.known[host])
        return next(rest)


async def numbers_only(host: str, port: int) -> list[str]:
    """The machine's own reading of an address in any spelling; never a question to a name server."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
    )
    return [str(sockaddr[0]) for *_, sockaddr in found]


async def posted(url: str, **settings: Any) -> Outcome:
    outgoing = Outgoing(**settings)
    try:
        return await outgoing.post(url, b"{}", {"Content-Type": "application/json"})
    finally:
        await outgoing.close()


# What is sent


def test_what_is_sent_is_the_given_headers_and_what_http_needs(run: Run) -> None:
    """The request is known to the last byte: nothing is added that nobody asked for."""

    async def story() -> None:
        async with receiver(OK) as there:
            await posted(there.url + "?task=1&text=é")
            assert there.heard == [
                b"POST /cb?task=1&text=%C3%A9 HTTP/1.1\r\nHost: 127.0.0.1:" + str(there.port).encode() + b"\r\n"
                b"User-Agent: klingmock\r\nContent-Length: 2\r\nConnection: close\r\n"
                b"Content-Type: application/json\r\n\r\n{}"
            ]

    run(story())


def test_a_given_header_takes_the_place_of_our_own(run: Run) -> None:
    """`user-agent` is sent once, in the caller's spelling."""

    async def story() -> None:
        async with receiver(OK) as there:
            await Outgoing().post(there.url, b"{}", {"user-agent": "Kling"})
            assert b"\r\nuser-agent: Kling\r\n" in there.heard[0]
            assert b"klingmock" not in there.heard[0]

    run(story())


def test_nothing_is_remembered_from_one_post_to_the_next(run: Run) -> None:
    """A receiver's cookie does not come back, and the second POST does not use the first one's connection."""

    async def story() -> None:
        async with receiver(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n") as there:
            outgoing = Outgoing()
            for _ in range(2):
                assert (await outgoing.post(there.url, b"{}", {})).delivered
            assert there.heard[0] == there.heard[1]
            assert len(there.calls) == 2

    run(story())


def test_a_proxy_named_by_the_environment_is_not_used(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies would undo the judgement of addresses."""

    async def story() -> None:
        async with receiver(OK) as there, receiver(b"HTTP/1.1 502 Bad Gateway\r\n\r\n") as proxy:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url)
            assert ((await posted(there.url)).status, proxy.heard) == (200, [])

    run(story())


def test_what_stands_before_an_at_sign_is_neither_host_nor_password(run: Run) -> None:
    """`http://8.8.8.8:secret@127.0.0.1/` goes to loopback, and the secret stays here."""

    async def story() -> None:
        async with receiver(OK) as there:
            outcome = await posted(f"http://8.8.8.8:secret@127.0.0.1:{there.port}/")
            assert outcome.delivered
            assert b"uthorization" not in there.heard[0]
            assert b"8.8.8.8" not in there.heard[0]

    run(story())


# What a receiver may answer


@pytest.mark.parametrize(
    ("reply", "status", "delivered"),
    [
        (OK, 200, True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, True),
        (b"HTTP/1.1 299 Fine\r\n\r\nuntil the end", 299, True),
        (b"HTTP/1.0 200 OK\r\n\r\n", 200, True),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK, 200, True),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", 304, False),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, False),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", 500, False),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_any_2xx_and_nothing_else_is_a_delivery(run: Run, reply: bytes, status: int, delivered: bool) -> None:
    """The status is told as it came, and no error with it."""

    async def story() -> None:
        async with receiver(reply) as there:
            outcome = await posted(there.url)
            assert (outcome.status, outcome.error, outcome.refused) == (status, None, False)
            assert outcome.delivered is delivered

    run(story())


def test_a_redirect_is_not_followed(run: Run) -> None:
    """302 is an answer like any other; its target hears nothing."""

    async def story() -> None:
        async with receiver(OK) as target:
            moved = f"HTTP/1.1 302 Found\r\nLocation: {target.url}\r\nContent-Length: 0\r\n\r\n".encode()
            async with receiver(moved) as there:
                outcome = await posted(there.url)
            assert (outcome.status, outcome.error, outcome.delivered, target.heard) == (302, None, False, [])

    run(story())


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        pytest.param(hanging, None, id="silence"),
        pytest.param(repeating(b"HTTP/1.1 200 OK\r\nX: ", b"x"), None, id="a header that drips"),
        pytest.param(repeating(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), None, id="not yet, for ever"),
        pytest.param(repeating(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), 200, id="a body that drips"),
    ],
)
def test_a_receiver_that_does_not_end_is_left_at_the_deadline(run: Run, answer: Answer, status: int | None) -> None:
    """One deadline holds for everything, so bytes that keep coming buy no time; a status that came is kept."""

    async def story() -> None:
        async with receiver(answer) as there:
            outcome = await posted(there.url, timeout_s=0.2)
        assert (outcome.status, outcome.error, outcome.refused) == (
            status,
            "the receiver had not finished after 0.2 s",
            False,
        )
        assert 199 <= outcome.took_ms < 4000  # uvloop's timers round to a millisecond

    run(story())


def test_a_body_without_end_is_read_to_64_kib_and_no_further(run: Run) -> None:
    """A 200 with a flood behind it is a delivery, at once, without error."""

    async def story() -> None:
        async with receiver(repeating(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536, every_s=0)) as there:
            outcome = await posted(there.url, timeout_s=2)
        assert (outcome.status, outcome.error) == (200, None)

    run(story())


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(saying(b""), "the receiver did not answer in HTTP: Server disconnected", id="nothing"),
        pytest.param(saying(b"220 smtp.example ESMTP\r\n\r\n"), "the receiver did not answer in HTTP: ", id="mail"),
        pytest.param(
            saying(b"HTTP/1.1 101 Up\r\n\r\n"), "the receiver did not answer in HTTP: ", id="another protocol"
        ),
        pytest.param(saying(b"\x00\xff" * 50000), "the receiver did not answer in HTTP: ", id="noise"),
        pytest.param(saying(b"HTTP/1.1 2"), "the receiver did not answer in HTTP: ", id="half a line"),
        pytest.param(resetting, "the connection to the receiver failed: Connection reset", id="reset"),
    ],
)
def test_what_is_no_reply_is_one_short_sentence(run: Run, answer: Answer, error: str) -> None:
    """Garbage has no status; the sentence says what happened and does not repeat the garbage at length."""

    async def story() -> None:
        async with receiver(answer) as there:
            outcome = await posted(there.url)
        assert (outcome.status, outcome.refused, outcome.delivered) == (None, False, False)
        assert outcome.error is not None
        assert outcome.error.startswith(error)
        assert len(outcome.error) <= 300

    run(story())


def test_a_body_that_breaks_off_keeps_its_status(run: Run) -> None:
    """The receiver said 200 before it failed: a delivery, with an error that tells the rest."""

    async def story() -> None:
        async with receiver(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf") as there:
            outcome = await posted(there.url)
        assert (outcome.status, outcome.delivered) == (200, True)
        assert outcome.error is not None
        assert outcome.error.startswith("the receiver did not answer in HTTP: ")

    run(story())


def test_nobody_at_the_door_is_an_outcome(run: Run) -> None:
    """A port where nobody listens is an error that says so, and no refusal of ours."""

    async def story() -> None:
        async with receiver(OK) as gone:
            pass
        outcome = await posted(gone.url)
        assert (outcome.status, outcome.error, outcome.refused) == (
            None,
            "the connection to the receiver failed: Connection refused",
            False,
        )

    run(story())


def test_a_network_that_gives_up_is_an_outcome(run: Run) -> None:
    """The system's own time limit for connecting may be shorter than ours."""
    dialled = Dialled(failure=httpcore.ConnectTimeout("timed out"))
    outcome = run(posted("http://10.0.0.1/", connect=dialled))
    assert (outcome.error, outcome.refused) == ("the connection to the receiver broke off: timed out", False)


def test_a_name_nobody_knows_is_an_outcome(run: Run) -> None:
    """The look-up's own words are passed on."""
    outcome = run(posted("http://nowhere.test/", resolve=Names({}), connect=Dialled()))
    assert outcome.error == "the receiver's name was not found: Name or service not known"
    assert not outcome.refused


def test_a_name_without_any_address_is_an_outcome(run: Run) -> None:
    """A look-up that finds nothing, and does not call that an error, is told as one."""
    outcome = run(posted("http://empty.test/", resolve=Names({"empty.test": [[]]}), connect=Dialled()))
    assert outcome.error == "the connection to the receiver broke off: empty.test has no address"


# Who may be spoken to


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LOCALHOST", "2130706433", "0x7f000001", "127.1", "0x7f.1", "[::ffff:127.0.0.1]"]
)
def test_loopback_in_any_spelling_is_reached(run: Run, host: str) -> None:
    """The spelling does not matter: what is judged and connected to is the address."""

    async def story() -> None:
        async with receiver(OK) as there:
            assert (await posted(f"http://{host}:{there.port}/")).status == 200

    run(story())


@pytest.mark.parametrize(
    "address",
    [
        "127.255.255.254",
        "10.0.0.0",
        "10.255.255.255",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "::1",
        "fc00::1",
        "fdff::1",
    ],
)
def test_loopback_and_private_addresses_are_permitted(run: Run, address: str) -> None:
    """A receiver in a container or on the desk's own network needs no flag."""

    async def story() -> None:
        async with receiver(OK) as there:
            dialled = Dialled(there.port)
            host = f"[{address}]" if ":" in address else address
            outcome = await posted(f"http://{host}/", connect=dialled)
            assert (outcome.status, dialled.addresses) == (200, [address])

    run(story())


@pytest.mark.parametrize(
    "url",
    [
        "http://8.8.8.8/",
        "https://8.8.8.8/",
        "http://134744072/",
        "http://0x08080808/",
        "http://8.2056/",
        "http://[::ffff:8.8.8.8]/",
        "http://[::8.8.8.8]/",
        "http://[2001:4860:4860::8888]/",
        "http://[64:ff9b::127.0.0.1]/",
        "http://[2002:7f00:1::]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1]/",
        "http://0.0.0.0/",
        "http://0/",
        "http://[::]/",
        "http://[::ffff:0.0.0.0]/",
        "http://224.0.0.1/",
        "http://[ff02::1]/",
        "http://255.255.255.255/",
        "http://9.255.255.255/",
        "http://11.0.0.0/",
        "http://100.64.0.1/",
        "http://126.255.255.255/",
        "http://128.0.0.0/",
        "http://172.15.255.255/",
        "http://172.32.0.0/",
        "http://192.167.255.255/",
        "http://192.169.0.0/",
        "http://[fe00::1]/",
        "http://127.0.0.1\\@8.8.8.8/",
        "http://127.0.0.1@8.8.8.8/",
        "http://127.0.0.1:80@8.8.8.8:80/",
        "http://8.8.8.8#@127.0.0.1/",
        "http://8.8.8.8?@127.0.0.1/",
        "http://8。8。8。8/",
    ],
)
def test_every_other_address_is_refused_before_any_connection(run: Run, url: str) -> None:
    """Public, link-local, metadata, unspecified, multicast addresses are never dialled, however they are spelled."""
    dialled = Dialled()
    outcome = run(posted(url, resolve=numbers_only, connect=dialled))
    assert (outcome.status, outcome.refused, outcome.delivered, dialled.addresses) == (None, True, False, [])
    assert "is neither a loopback nor a private address; --callback-allow " in outcome.error


def test_a_refusal_says_what_would_permit_it(run: Run) -> None:
    """The sentence names the host, the address it leads to, and the flag."""
    names = Names({"hooks.test": [["8.8.8.8"]]})
    outcome = run(posted("http://hooks.test/", resolve=names, connect=Dialled()))
    assert outcome.error == (
        "hooks.test leads to 8.8.8.8, which is neither a loopback nor a private address; "
        "--callback-allow hooks.test permits it"
    )


def test_a_name_is_looked_up_once_and_what_was_judged_is_dialled(run: Run) -> None:
    """The connection goes to the judged address; the receiver still hears the name."""

    async def story() -> None:
        async with receiver(OK) as there:
            names, dialled = Names({"hooks.test": [["127.0.0.1"]]}), Dialled(there.port)
            outcome = await posted("http://hooks.test:8080/", resolve=names, connect=dialled)
            assert (outcome.status, names.asked, dialled.addresses) == (200, ["hooks.test"], ["127.0.0.1"])
            assert b"\r\nHost: hooks.test:8080\r\n" in there.heard[0]

    run(story())


def test_a_name_that_changes_its_address_is_judged_anew(run: Run) -> None:
    """A name that leads to loopback and then elsewhere is served once and refused afterwards."""

    async def story() -> None:
        async with receiver(OK) as there:
            names, dialled = Names({"rebind.test": [["127.0.0.1"], ["8.8.8.8"]]}), Dialled(there.port)
            outgoing = Outgoing(resolve=names, connect=dialled)
            first, second = [await outgoing.post("http://rebind.test/", b"{}", {}) for _ in range(2)]
            assert (first.status, second.status, second.refused) == (200, None, True)
            assert dialled.addresses == ["127.0.0.1"]

    run(story())


@pytest.mark.parametrize("found", [["127.0.0.1", "8.8.8.8"], ["8.8.8.8", "127.0.0.1"], ["::1", "::ffff:8.8.8.8"]])
def test_one_address_that_is_not_permitted_condemns_the_name(run: Run, found: list[str]) -> None:
    """All addresses of a name are judged before any is dialled."""
    dialled = Dialled()
    outcome = run(posted("http://both.test/", resolve=Names({"both.test": [found]}), connect=dialled))
    assert (outcome.refused, dialled.addresses) == (True, [])


@pytest.mark.parametrize("failure", [httpcore.ConnectError(), httpcore.ConnectTimeout()], ids=["refusal", "silence"])
def test_the_next_address_of_a_name_is_tried(run: Run, failure: Exception) -> None:
    """`localhost` may be ::1 first; a receiver that listens on 127.0.0.1 alone is still found."""

    async def story() -> None:
        async with receiver(OK) as there:
            names = Names({"localhost": [["::1", "127.0.0.1"]]})
            dialled = Dialled(there.port, deaf=("::1",), failure=failure)
            outcome = await posted("http://localhost/", resolve=names, connect=dialled)
            assert (outcome.status, dialled.addresses) == (200, ["::1", "127.0.0.1"])

    run(story())


@pytest.mark.parametrize(
    ("entry", "url", "permitted"),
    [
        ("hooks.test", "http://hooks.test/", True),
        ("Hooks.TEST.", "http://hooks.test/", True),
        ("hooks.test", "http://HOOKS.test./", True),
        ("bücher.test", "http://xn--bcher-kva.test/", True),
        ("8.8.8.8", "http://8.8.8.8/", True),
        ("8.8.8.8", "http://134744072/", True),
        ("8.8.8.8", "http://[::ffff:8.8.8.8]/", True),
        ("8.8.8.8", "http://hooks.test/", True),
        ("::ffff:8.8.8.8", "http://[::ffff:8.8.8.8]/", True),
        ("2001:db8::1", "http://[2001:db8:0::1]/", True),
        ("[2001:db8:0::1]", "http://[2001:db8::1]/", True),
        ("100.64.0.0/10", "http://100.64.7.7/", True),
        ("hooks.test", "http://other.test/", False),
        ("hooks.test", "http://sub.hooks.test/", False),
        ("hooks.test", "http://hooks.test@other.test/", False),
        ("8.8.8.8", "http://8.8.8.9/", False),
        ("100.64.0.0/10", "http://100.128.0.0/", False),
    ],
)
def test_allow_permits_what_it_names_and_no_more(run: Run, entry: str, url: str, permitted: bool) -> None:
    """A host by its name wherever it leads, an address in any spelling, a network; not their neighbours."""

    async def resolve(host: str, port: int) -> list[str]:
        return (
            ["8.8.8.8" if host.startswith("hooks.") else "9.9.9.9"] if "t" in host else await numbers_only(host, port)
        )

    async def story() -> None:
        async with receiver(OK) as there:
            dialled = Dialled(there.port)
            outcome = await posted(url, destinations=Destinations.allowing([entry]), resolve=resolve, connect=dialled)
            assert (outcome.delivered, outcome.refused, len(dialled.addresses)) == (permitted, not permitted, permitted)

    run(story())


@pytest.mark.parametrize(
    "entry",
    ["", ".", "*", "*.hooks.test", "a b", "hooks.test:80", "me@hooks.test", "http://a.test", "8.8.8.8/24", "\ud800"],
)
def test_an_allowance_that_names_nobody_is_the_authors_mistake(entry: str) -> None:
    """What is neither host, address nor network is turned away at once, with its text."""
    with pytest.raises(ValueError, match="neither a host name, an address nor a network") as caught:
        Destinations.allowing([entry])
    assert repr(entry) in str(caught.value)


# Which URLs are none


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("", "it does not begin with http:// or https://"),
        ("not a url", "it does not begin with http:// or https://"),
        ("127.0.0.1/cb", "it does not begin with http:// or https://"),
        ("//127.0.0.1/", "it does not begin with http:// or https://"),
        ("ftp://127.0.0.1/", "it does not begin with http:// or https://"),
        ("file:///etc/passwd", "it does not begin with http:// or https://"),
        ("http+unix://127.0.0.1/", "it does not begin with http:// or https://"),
        ("http://", "no host is called ''"),
        ("http:127.0.0.1", "no host is called ''"),
        ("http:///cb", "no host is called ''"),
        ("http://a b/", "no host is called 'a%20b'"),
        ("http://127.0.0.1%00.test/", "no host is called '127.0.0.1%00.test'"),
        ("http://a..b/", "no host is called 'a..b'"),
        (f"http://{'a' * 64}/", f"no host is called '{'a' * 64}'"),
        ("http://127.0.0.1:0/", "there is no port 0"),
        ("http://127.0.0.1:-1/", "there is no port -1"),
        ("http://127.0.0.1:65536/", "there is no port 65536"),
        ("http://127.0.0.1:http/", "Invalid port"),
        ("http://[::1/", "Invalid port"),
        ("http://[1::2::3]/", "Invalid IPv6 address"),
        ("http://0177.0.0.1/", "Invalid IPv4 address"),
        ("http://127.0.0.1/\r\nX-Evil: 1", "Invalid non-printable ASCII character"),
        ("http://127.0.0.1/\x00", "Invalid non-printable ASCII character"),
        ("http://\u3002/", "Invalid IDNA hostname"),
        (f"http://{'é' * 60_000}/", "Invalid IDNA hostname"),
        ("http://127.0.0.1/\ud800", "surrogates not allowed"),
        ("http://127.0.0.1/" + "a" * 10_000_000, "URL too long"),
    ],
    ids=lambda value: ascii(value[:30]),
)
def test_an_impossible_url_is_refused_in_a_plain_sentence(run: Run, url: str, error: str) -> None:
    """Nothing is raised, nothing is dialled, and the sentence says why."""
    dialled = Dialled()
    outcome = run(posted(url, connect=dialled))
    assert (outcome.status, outcome.refused, dialled.addresses) == (None, True, [])
    assert outcome.error.startswith("the URL cannot be used: ")
    assert error in outcome.error
    assert len(outcome.error) <= 300


@given(url=st.text() | st.text().map("http://{}".format) | st.text(":/@[].\\%#?12").map("https://{}".format))
def test_no_text_at_all_makes_a_post_raise_or_leave_the_house(url: str) -> None:
    """Any text as a URL ends as an outcome; when every name leads outside, nothing is ever dialled."""
    dialled = Dialled()

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["8.8.8.8"]

    outcome = asyncio.run(posted(url, resolve=resolve, connect=dialled))
    assert (outcome.status, outcome.refused, dialled.addresses) == (None, True, [])


# TLS

KEY = """
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgLUkckckXZyFzNGSK
dr//D985yT5lKwZhDmbljOwNpdChRANCAAS6ka/kL3TtSNIhXN+ml14kDyzQ+5oY
GKo4TUr2GRCo7rWINl8kRE0unmwqevCSt6jbel0b7+FaXG0J+PP0mDm8
"""
CERTIFICATE = """
MIIBpDCCAUugAwIBAgIUEDsp6kOY1Z/rZzriU0C+BG4epaowCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjIxMjg1MloYDzIxMjYxMDI5
MjEyODUyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAS6ka/kL3TtSNIhXN+ml14kDyzQ+5oYGKo4TUr2GRCo7rWINl8kRE0u
nmwqevCSt6jbel0b7+FaXG0J+PP0mDm8o3kwdzAdBgNVHQ4EFgQUhBSK7USIE3mH
RtN2dI07djFMPNAwHwYDVR0jBBgwFoAUhBSK7USIE3mHRtN2dI07djFMPNAwDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwDgYDVR0PAQH/BAQD
AgKEMAoGCCqGSM49BAMCA0cAMEQCIARKX0Nczo5P2pTh+kBxlhGmUd+ZlaOyA578
a+YN1EiGAiAPXG1MpbqgUjBcC1xwMPVM/hlwLRGVFOi4Ivi1FHnVIg==
"""
"""A key for `localhost` alone, signed by itself, good until 2126; it guards nothing."""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """The certificate and its key, in one PEM file."""
    pem = tmp_path / "localhost.pem"
    blocks = [("PRIVATE KEY", KEY), ("CERTIFICATE", CERTIFICATE)]
    pem.write_text("".join(f"-----BEGIN {kind}-----{text}-----END {kind}-----\n" for kind, text in blocks))
    return pem


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """The receiver's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_nobody_vouches_for_is_an_outcome(run: Run, tls: ssl.SSLContext) -> None:
    """TLS is verified on loopback too; the sentence says what is wrong and what would help."""

    async def story() -> None:
        async with receiver(OK, tls) as there:
            outcome = await posted(f"https://localhost:{there.port}/")
        assert (outcome.status, outcome.refused, there.heard) == (None, False, [])
        assert outcome.error == (
            "the receiver's certificate is not trusted: self-signed certificate (SSL_CERT_FILE can name others)"
        )

    run(story())


def test_a_certificate_that_is_trusted_must_still_bear_the_name(
    run: Run, tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`SSL_CERT_FILE` makes a receiver trusted, under its name and no other: TLS asks for the name, not the address."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    async def story() -> None:
        async with receiver(OK, tls) as there:
            named = await posted(f"https://localhost:{there.port}/")
            by_address = await posted(f"https://127.0.0.1:{there.port}/")
        assert (named.status, by_address.status, len(there.heard)) == (200, None, 1)
        assert "certificate is not valid for '127.0.0.1'" in by_address.error

    run(story())


def test_a_receiver_that_does_not_speak_tls_is_an_outcome(run: Run) -> None:
    """https to a plain port is an error that says so."""

    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def story() -> None:
        async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
            outcome = await posted(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        assert outcome.error.startswith("the receiver did not answer in TLS: ")

    run(story())


def test_a_tls_handshake_that_never_ends_is_left_at_the_deadline(run: Run) -> None:
    """The deadline holds before the first byte of HTTP, and the half-open connection is closed."""

    async def story() -> None:
        async with receiver(OK) as there:
            outcome = await posted(f"https://127.0.0.1:{there.port}/", timeout_s=0.3)
        assert (outcome.status, outcome.error) == (None, "the receiver had not finished after 0.3 s")

    run(story())


# Many, and the end


def test_receivers_that_hang_do_not_hold_up_the_others(run: Run) -> None:
    """However many POSTs are waiting, the next one goes out."""

    async def story() -> None:
        async with receiver(hanging) as mute, receiver(OK) as there:
            outgoing = Outgoing(timeout_s=30)
            waiting = [asyncio.create_task(outgoing.post(mute.url, b"{}", {})) for _ in range(40)]
            for _ in waiting:
                await mute.arrivals.acquire()
            outcome = await outgoing.post(there.url, b"{}", {})
            assert (outcome.status, sum(task.done() for task in waiting)) == (200, 0)
            await outgoing.close()
            await asyncio.gather(*waiting)

    run(story())


def test_closing_breaks_off_what_is_under_way(run: Run) -> None:
    """A POST that waits when the double stops ends at once, as an outcome."""

    async def story() -> None:
        async with receiver(hanging) as mute:
            outgoing = Outgoing(timeout_s=30)
            waiting = asyncio.create_task(outgoing.post(mute.url, b"{}", {}))
            await mute.arrivals.acquire()
            for _ in range(4):  # closing again while the first close takes effect changes nothing
                await outgoing.close()
                await asyncio.sleep(0)
            outcome = await asyncio.wait_for(waiting, 5)
            assert outcome.error == "the receiver had not finished when the double stopped"

    run(story())


def test_a_cancelled_post_is_cancelled(run: Run) -> None:
    """The courier's own cancellation is no outcome: it passes through."""

    async def story() -> None:
        async with receiver(hanging) as mute:
            waiting = asyncio.create_task(posted(mute.url, timeout_s=30))
            await mute.arrivals.acquire()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    run(story())
