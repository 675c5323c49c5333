"""What holds for everything at once: a model of many tasks, and the whole schema."""

from contracts.suite import coverage, machine
from contracts.suite.findings import Broken
from contracts.suite.judging import difference, plain
from contracts.suite.registry import promise
from contracts.suite.stage import Stage


@promise("#/x-kling-lifecycle", costs=True)
def many_tasks_at_once_live_as_a_simple_model_says(stage: Stage) -> None:
    """Created, asked for, listed and waited for in any order, each task stays itself."""
    machine.live(stage)


@promise("#/components/schemas/Task", costs=True)
def every_call_tells_the_same_of_a_task(stage: Stage) -> None:
    """By its id, by its external id and in the list, from its first status to its last."""
    for life in stage.lives:
        for echo in life.echoes:
            if changed := difference(plain(echo.look.task), plain(echo.told), "the task"):
                raise Broken(f"what a query tells of {life.id}", changed, echo.other)


@promise("#/paths", costs=True)
def every_operation_takes_what_its_schema_allows(stage: Stage) -> None:
    """Examples, borders, random input and links: all of it answered in the documented shape."""
    coverage.valid_input(stage)


@promise("#/paths")
def every_operation_refuses_what_its_schema_forbids(stage: Stage) -> None:
    """Input that is wrong in ways nobody thought of is refused all the same."""
    coverage.invalid_input(stage)
