"""Sends a create until its fate is known, and never twice on a guess.

A create costs money, and the network may lose its answer after the work was done. What this room keeps:

    answer                          what follows
    the task                        returned
    1302, 1303                      nothing was accepted: wait, send the same body again
    5xx, timeout, disconnect,       lost: wait, ask for the external id;
      or no readable envelope         found      adopt it
                                      not found  send the same body again
                                      no answer  give up: the fate stays unknown, and the error says under which id
    1201 `… already exists`         ask for the external id; found: adopt it, else it was the refusal it says
    anything else                   raised as it is

Three choices are ours. (1) Every create carries an external id, its caller's or a fresh one: without it there would be
nothing to ask for. (2) `already exists` shares its code with every wrong value. After a loss any 1201 is followed by
the question, whatever its words, because our own lost create is the likeliest owner of the id. On a first create only
the documented words are (`external_id_taken` in `openapi/kling/messages.yaml`): the caller then gave an id that he, or
a lost process of his, has used before, and gets that task, though its body may have been another. (3) A *readable*
surprise (HTTP 200 with another code, an unknown status) is no loss but a ProtocolError at once: a service that
contradicts itself is not asked to do it again.
"""

from collections.abc import Mapping

from contracts import sansio, words
from contracts.desk import Desk
from contracts.errors import (
    KlingError,
    NotFoundError,
    ParametersError,
    RateError,
    ServerError,
    TransportError,
    UnreadableError,
)
from contracts.talk import Pause, Talk
from contracts.values import Task


def named(body: Mapping[str, object], desk: Desk) -> dict[str, object]:
    """The body with an external id: the caller's, or a fresh one where there is none (empty and null count as none).

    Raises:
        TypeError: the caller's is no text.
    """
    given = body.get("external_task_id")
    if given is None or given == "":
        return {**body, "external_task_id": desk.around.new_id()}
    if not isinstance(given, str):
        raise TypeError(f"external_task_id should be a str, not {type(given).__name__}")
    return dict(body)


def create(desk: Desk, body: Mapping[str, object]) -> Talk[Task]:
    """The one task that this body becomes.

    Raises:
        KlingError: the service refused, or the fate could not be learned; `external_task_id` says what to ask for.
    """
    complete = named(body, desk)
    external_id = str(complete["external_task_id"])
    try:
        return (yield from _Create(desk, complete, external_id).run())
    except KlingError as error:
        error.external_task_id = external_id
        raise


class _Create:
    """One create on its way. `lost` is the last answer that left its fate open, None while there was none."""

    def __init__(self, desk: Desk, body: Mapping[str, object], external_id: str) -> None:
        self.desk = desk
        self.request = sansio.creation(body)
        self.external_id = external_id
        sansio.question(external_id)  # an id that cannot be asked for is refused before it is spent
        self.lost: KlingError | None = None

    def run(self) -> Talk[Task]:
        trouble: KlingError
        for turn, last in self.desk.patience.turns():
            try:
                return (yield from self.send())
            except (ServerError, TransportError, UnreadableError) as loss:
                self.lost = trouble = loss
            except RateError as busy:
                trouble = busy
            if last and not self.lost:
                raise trouble
            yield Pause(self.desk.wait_s(turn, trouble))
            if self.lost and (task := (yield from self.owner(self.lost))):
                return task
        raise trouble

    def send(self) -> Talk[Task]:
        try:
            return sansio.created((yield from self.desk.ask(self.request)), self.external_id)
        except ParametersError as refusal:
            if not (self.lost or words.ALREADY_EXISTS in refusal.message.casefold()):
                raise
            task = yield from self.owner(self.lost or refusal)
            if task is None:
                raise
            return task

    def owner(self, reason: KlingError) -> Talk[Task | None]:
        """The task that has our external id, None when the service says that none has.

        Raises:
            KlingError: `reason`, from whatever kept us from learning it.
        """
        try:
            return (yield from self.desk.query(self.external_id))
        except NotFoundError:
            return None
        except KlingError as silence:
            raise reason from silence
