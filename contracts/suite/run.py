"""Shows promises on a stage, one after the other, and says what came of each."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from contracts.suite import promises
from contracts.suite.findings import Broken, Finding, NotShown, Verdict
from contracts.suite.paper import paper
from contracts.suite.registry import PROMISES, Promise
from contracts.suite.stage import Options, Stage
from contracts.surroundings import AROUND

assert promises  # imported so that every promise is known


def judged(options: Options, names: Iterable[str] = ()) -> Iterator[Finding]:
    """What comes of each promise, or of those named. Raises CutShort when nothing answers, or out of time."""
    wanted = [PROMISES[name] for name in names] or list(PROMISES.values())
    with Stage(options, paper()) as stage:
        stage.knock()
        for promise in wanted:
            yield finding(promise, stage)


def finding(promise: Promise, stage: Stage) -> Finding:
    """What comes of one promise. Raises CutShort."""
    begun, known = AROUND.monotonic(), len(stage.notes)
    found = _tried(promise, stage)
    took = AROUND.monotonic() - begun
    return replace(found, seconds=took, notes=tuple(stage.notes[known:]))


def _tried(promise: Promise, stage: Stage) -> Finding:
    told = Finding(promise.name, promise.clause, Verdict.HELD)
    if promise.costs and stage.options.safe:
        return replace(told, verdict=Verdict.NOT_SHOWN, reason="takes units, and --safe spends none")
    try:
        promise.check(stage)
    except NotShown as short:
        return replace(told, verdict=Verdict.NOT_SHOWN, reason=str(short))
    except Broken as breach:
        curl = breach.shown_by.curl() if breach.shown_by else ""
        return replace(told, verdict=Verdict.BROKEN, documented=breach.documented, received=breach.received, curl=curl)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as odd:
        # replies of the wrong shape, which the promises about shapes tell
        return replace(told, verdict=Verdict.NOT_SHOWN, reason=f"the replies are too odd to judge: {odd!r}")
    return told
