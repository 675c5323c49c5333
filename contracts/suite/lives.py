"""The lives of a few tasks, watched from birth to some time after their end: what most promises are judged by.

Six tasks cover every price, every option and every border of the create call at once, so that a run on a service that
charges costs little. They are looked at again and again; nothing is judged here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from contracts.suite.accounts import Account, Body
from contracts.suite.exchanges import Exchange
from contracts.suite.findings import NotShown
from contracts.suite.judging import plain
from contracts.suite.paper import Paper
from contracts.suite.postbox import Letter, Postbox
from contracts.surroundings import AROUND, nap

JSON = dict[str, Any]

IMAGE = "https://p1-kling.klingai.com/kcdn/cdn-kcdn112452/kling-qa-test/dog.png"
"""The page's own sample; a service that fetches it finds a dog."""
PAGE = 100
"""How much of the list is read to find a task that was just made."""
AFTERLIFE = 3
"""How often a task is looked at after its end."""
GRACE_S = 2.0
"""How long the last callbacks may be on their way, in real time."""
PLAIN, ODD, DOOMED, HOLLOW, BRIM = "plain", "odd", "doomed", "hollow", "brim"
"""Names of tasks: no more than is required; with fields nobody knows; wished to fail; every option null or empty; every
text and list as long as it may be."""
UNHEARD_OF = {"cfg_scale": 0.5, "image_tail": "none", "model": "kling-v9", "seed": [{}]}
"""Fields that clients really send here although the page has none of them (client-quirks 2.13)."""
UNHEARD_OF_WITHIN: JSON = {
    "image_list": [{"image": IMAGE, "role": "first"}],
    "watermark_info": {"enabled": False, "text": "klingmock"},
}
PLAINEST: JSON = {"image_list": [{"image": IMAGE}], "prompt": "A white Bichon Frise in a red jacket"}
"""No more than is required."""
FAIL_WORD = "[[fail]]"
"""In a prompt, a double of ours takes it as a wish to fail; to everyone else it is a prompt like any other."""


@dataclass(frozen=True, slots=True)
class Echo:
    """What another call told of a task between two looks that agree."""

    look: Exchange
    other: Exchange
    told: JSON
    """Empty if it told nothing of the task."""


@dataclass(slots=True)
class Life:
    """One task: what was asked for and what was seen."""

    name: str
    body: Body
    born: Exchange
    paper: Paper
    looks: list[Exchange] = field(default_factory=list)
    echoes: list[Echo] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)

    @property
    def id(self) -> Any:
        """Its task_id, as the create call told it."""
        return self.born.task.get("task_id")

    @property
    def external_id(self) -> str:
        """The name it was given; empty if none."""
        return str(self.body.get("external_task_id") or "")

    @property
    def called_back(self) -> bool:
        """Whether callbacks were asked for."""
        return bool(self.body.get("callback_url"))

    @property
    def watermarked(self) -> bool:
        """Whether a watermarked twin was asked for."""
        return bool((self.body.get("watermark_info") or {}).get("enabled"))

    @property
    def final(self) -> Exchange | None:
        """The first look that saw it ended."""
        return next((look for look in self.looks if status_of(look.task) in self.paper.ends), None)

    def ended_as(self, status: str) -> bool:
        """Whether its end is this one."""
        return self.final is not None and status_of(self.final.task) == status

    @property
    def seen(self) -> list[Exchange]:
        """Birth and every look that found it."""
        return [self.born, *(look for look in self.looks if look.accepted)]


def status_of(task: dict[str, Any]) -> str:
    """The status, empty if there is none to read."""
    status = task.get("task_status")
    return status if isinstance(status, str) else ""


def plan(paper: Paper, letters: "Postbox | None", unique: str) -> list[tuple[str, JSON]]:
    """The tasks to watch, the cheapest first: three of the least price, then one for each price, dressed differently."""
    doomed = {
        **PLAINEST,
        "prompt": f"{PLAINEST['prompt']} {FAIL_WORD}",
        "watermark_info": {"enabled": True},
        "external_task_id": f"klingmock-{unique}-0",
    }
    planned: list[tuple[str, JSON]] = [
        (PLAIN, PLAINEST),
        (ODD, {**PLAINEST, **UNHEARD_OF, **UNHEARD_OF_WITHIN}),
        (DOOMED, doomed),
    ]
    planned += _priced(paper, unique)
    return [(name, _called_back(body, letters, f"{unique}-{index}")) for index, (name, body) in enumerate(planned)]


def _priced(paper: Paper, unique: str) -> Iterator[tuple[str, JSON]]:
    """One body for each cell of the price list."""
    price, ratios = paper.the("submit").node["x-kling-units"], paper.request["properties"]["aspect_ratio"]["enum"]
    cells = [dict(zip(price["by"], cell, strict=True)) for cell in _cells(price["table"])]
    for index, (cell, dress) in enumerate(zip(sorted(cells, key=paper.units), _dresses(paper, unique), strict=False)):
        options = {**cell, "aspect_ratio": ratios[index % len(ratios)]}
        kept = options if index else {"aspect_ratio": ratios[1]}  # the cheapest shows that null options mean defaults
        yield _name(dress, cell), {**PLAINEST, **dress, **kept}


def _dresses(paper: Paper, unique: str) -> list[JSON]:
    """What else these bodies say, so that every option and every border is met once."""
    properties = paper.request["properties"]
    nothing = dict.fromkeys(name for name in properties if name not in paper.request["required"])
    brim = {
        "prompt": "文" * properties["prompt"]["maxLength"],  # characters are counted, not bytes
        "negative_prompt": "é" * properties["negative_prompt"]["maxLength"],
        "image_list": [{"image": IMAGE}] * properties["image_list"]["maxItems"],
    }
    return [
        {**nothing, "negative_prompt": "", "external_task_id": "", "callback_url": ""},
        {"watermark_info": {"enabled": True}, "external_task_id": f"klingmock {unique}:1"},
        {**brim, "watermark_info": {"enabled": False}, "external_task_id": f"klingmock-{unique}-2"},
        {"external_task_id": f"klingmock-{unique}-3", "watermark_info": {"enabled": True}},
    ]


def _name(dress: JSON, cell: JSON) -> str:
    return HOLLOW if "mode" in dress else BRIM if "negative_prompt" in dress else "/".join(cell.values())


def _cells(table: JSON) -> Iterator[tuple[str, ...]]:
    for key, below in table.items():
        yield from ((key, *rest) for rest in _cells(below)) if isinstance(below, dict) else [(key,)]


def _called_back(body: dict[str, Any], letters: "Postbox | None", name: str) -> dict[str, Any]:
    """The body with an address for callbacks, if it has a name: those without show that none is needed."""
    wanted = letters is not None and body.get("external_task_id")
    return {**body, "callback_url": letters.address(name)} if wanted and letters else body


class Cohort:
    """The tasks watched together."""

    def __init__(self, account: Account, letters: Postbox | None, unique: str) -> None:
        self.account, self._letters = account, letters
        self.lives: list[Life] = []
        self.refused: list[tuple[str, Exchange]] = []
        self.reason = ""
        """Why some of the plan was not carried out."""
        for name, body in plan(account.wire.paper, letters, unique):
            self._bear(name, body)

    def _bear(self, name: str, body: Body) -> None:
        try:
            born = self.account.create(body)
        except NotShown as short:
            self.reason = str(short)
            return
        if not born.task.get("task_id"):
            self.refused.append((name, born))
            return
        life = Life(name, body, born, self.account.wire.paper)
        self.lives.append(life)
        self._look(life)

    def _look(self, life: Life) -> None:
        look = self.account.query(str(life.id))
        life.looks.append(look)
        if status_of(look.task) not in {status_of(echo.look.task) for echo in life.echoes}:
            self._look_elsewhere(life, look)

    def _look_elsewhere(self, life: Life, look: Exchange) -> None:
        """By its other name and in the list; that tells something only if nothing changes meanwhile."""
        page = self.account.list({"pageSize": PAGE})
        others = [(page, next((task for task in page.tasks if task.get("task_id") == life.id), {}))]
        if len(page.tasks) == PAGE and not others[0][1]:
            others = []  # it may be on the next
        if life.external_id:
            found = self.account.query(life.external_id)
            others.append((found, found.task))
        again = self.account.query(str(life.id))
        life.looks.append(again)
        if plain(again.task) == plain(look.task):
            life.echoes += [Echo(look, other, told) for other, told in others]

    def watch(self, patience_s: float, doom: "Doom") -> None:
        """Let them live."""
        for taken, step in enumerate(self.account.passing.steps(patience_s)):
            if all(life.final for life in self.lives):
                break
            self.account.passing.pass_ms(step)
            if taken == 1:
                self._doom(doom)
            for life in self.lives:
                if life.final is None:
                    self._look(life)
        self._afterlife()
        self._collect_letters()

    def _doom(self, doom: "Doom") -> None:
        for life in self.lives:
            if life.name == DOOMED and life.final is None:
                doom(self.account, str(life.id))

    def _afterlife(self) -> None:
        for _ in range(AFTERLIFE):
            self.account.passing.pass_ms(100)
            for life in self.lives:
                if life.final:
                    self._look(life)

    def _collect_letters(self) -> None:
        until = AROUND.monotonic() + (GRACE_S / 4 if self.account.passing.exact else GRACE_S)
        while self._letters and AROUND.monotonic() < until and not all(map(self._has_last_letter, self.lives)):
            nap(0.05)
        for life in self.lives:
            if self._letters and life.called_back:
                life.letters = self._letters.at(str(life.body["callback_url"]))

    def _has_last_letter(self, life: Life) -> bool:
        if not (self._letters and life.called_back and life.final):
            return True
        arrived = self._letters.at(str(life.body["callback_url"]))
        return any(status_of(letter.task) in life.paper.ends for letter in arrived)


class Doom:
    """Makes a task fail where there is a way to."""

    def __call__(self, account: Account, task_id: str) -> None:
        """By default there is none."""
