"""Two accounts on one service never meet."""

from collections.abc import Iterator
from contextlib import suppress

from contracts.suite import bodies
from contracts.suite.accounts import Account
from contracts.suite.exchanges import Exchange
from contracts.suite.findings import Broken, NotShown, cut
from contracts.suite.judging import accepted, refused
from contracts.suite.lives import Life
from contracts.suite.outcome import videos_of
from contracts.suite.promises.authorization import pair, shut
from contracts.suite.promises.prices import packs_of
from contracts.suite.registry import promise
from contracts.suite.stage import Stage
from contracts.suite.waiting import until_ended
from contracts.surroundings import AROUND
from contracts.tokens import KeyPair, mint

NAMES = ("task_id", "id", "url", "watermark_url")


def _named(stage: Stage) -> Life:
    stranger = stage.stranger
    assert stranger is not stage.account
    for life in stage.lives:
        if life.external_id:
            return life
    raise NotShown("no task with an external id could be made")


def _strangers(stage: Stage) -> Iterator[Account]:
    """Another account, and one that has no tasks where it can be made."""
    yield stage.stranger
    with suppress(NotShown):
        yield stage.fresh()


@promise("#/x-kling-errors/authentication_failed")
def a_stranger_cannot_sign_for_an_account(stage: Stage) -> None:
    """A token is signed with the secret of the very AccessKey that it names."""
    ours, theirs = pair(stage), stage.stranger.keys.pair
    if theirs is None:
        raise NotShown("takes a second key pair: give --other-access-key and --other-secret-key")
    forged = mint(KeyPair(ours.access_key, theirs.secret_key), AROUND.now())
    row = [stage.paper.rows["authentication_failed"]]
    shut(stage, f"Bearer {forged}", row, "the token is signed with the secret of another account")


@promise("#/x-kling-messages/situations/task_not_found", costs=True)
def a_stranger_cannot_query_a_task(stage: Stage) -> None:
    """To another account a task is unknown, by either name, by every path, with either kind of credential."""
    stranger = stage.stranger
    names = [name for life in stage.lives for name in (str(life.id), life.external_id) if name]
    unknown, one_kind = stage.paper.verdicts("task_not_found"), [stage.paper.rows["authorization_invalid"]]
    for name in names:
        refused(stranger.query(name), unknown, "the task is another account's")
        by_key = stranger.query(name, **stranger.by_static_key)
        refused(by_key, [*unknown, *one_kind], "the task is another account's")  # some take only one kind of credential
    for look in stranger.query_everywhere(names[0]):
        if look.accepted:
            raise Broken("a refusal, for the task is another account's", look.said, look)


@promise("#/paths/~1v1~1videos~1multi-image2video/get", costs=True)
def a_stranger_does_not_see_a_task_in_the_list(stage: Stage) -> None:
    """A list holds the account's own tasks, and none of any other account; least of all where it has none."""
    assert stage.lives
    for account in _strangers(stage):
        listing = account.list({"pageSize": 500})
        accepted(listing, stage.paper)
        own = {born.task.get("task_id") for _, born in account.made}
        known = {born.task.get("task_id") for born in stage.exchanges if born.action == "submit" and born.accepted}
        if seen := (known - own) & {task.get("task_id") for task in listing.tasks}:
            raise Broken("only the account's own tasks", f"{', '.join(sorted(map(str, seen)))} of others", listing)


@promise("#/components/schemas/ExternalTaskId", costs=True)
def external_ids_of_two_accounts_do_not_collide(stage: Stage) -> None:
    """They are unique within an account; another may use the same, and each finds its own."""
    life, stranger = _named(stage), stage.stranger
    theirs = stranger.create({**bodies.sound(), "external_task_id": life.external_id})
    accepted(theirs, stage.paper, "the external id is free in this account")
    for account, id in ((stranger, theirs.task.get("task_id")), (stage.account, life.id)):
        found = account.query(life.external_id)
        if found.task.get("task_id") != id:
            raise Broken(f"the account's own task {id}", found.said, found)


def _neighbours(stage: Stage) -> list[tuple[str, Exchange]]:
    """A task of each of two accounts: where its callbacks go, and the look that saw it ended."""
    sides: list[tuple[Account, str, Exchange]] = []
    for account in (stage.stranger, stage.account):
        address = stage.letters.address(stage.name()) if stage.letters else ""
        born = stage.settled(account, {**bodies.sound(), "callback_url": address})
        accepted(born, stage.paper)
        sides.append((account, address, born))
    return [(address, until_ended(stage, account, born)[0]) for account, address, born in sides]


@promise("#/components/schemas/Video/properties/id", costs=True)
def tasks_of_two_accounts_share_neither_ids_nor_videos(stage: Stage) -> None:
    """Ids of tasks and videos are globally unique, and each task has a result of its own."""
    ours = set[str]().union(*(_names(life.final) for life in stage.ended() if life.final))
    (_, theirs), (_, last) = _neighbours(stage)
    if shared := _names(theirs) & (ours | _names(last)):
        raise Broken("other names in each account", f"{', '.join(sorted(shared))} in both", theirs)


def _names(look: Exchange) -> set[str]:
    """Whatever tells a task and its videos from others."""
    return {str(thing[key]) for thing in (look.task, *videos_of(look.task)) for key in NAMES if thing.get(key)}


@promise("#/paths/~1v1~1videos~1multi-image2video/post/callbacks/task_changed", costs=True)
def a_stranger_hears_nothing_of_a_task(stage: Stage) -> None:
    """Callbacks go to the address that their own task gave, whatever address another account gave."""
    if stage.letters is None:
        raise NotShown("the service is not on this machine, so it could not reach a receiver here")
    sides = _neighbours(stage)
    stage.letters.settle()
    for address, look in sides:
        for letter in stage.letters.at(address):
            if letter.task.get("task_id") != look.task.get("task_id"):
                raise Broken(f"callbacks about {look.task.get('task_id')} only", cut(letter.content), look)


@promise("#/components/schemas/ResourcePack/properties/resource_pack_id")
def a_stranger_does_not_see_a_pack(stage: Stage) -> None:
    """Each account is told of its own packs."""
    met: set[str] = set()
    for _ in range(2):
        costs = stage.fresh(balance="100").costs()
        accepted(costs, stage.paper)
        packs = {str(pack.get("resource_pack_id")) for pack in packs_of(costs)}
        if not packs:
            raise NotShown("an account with units shows no pack")
        if met & packs:
            raise Broken("the account's own packs", f"{', '.join(met & packs)} of another account", costs)
        met |= packs
