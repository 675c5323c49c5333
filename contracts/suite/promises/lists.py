"""The list of an account's tasks, cut into pages."""

from contracts.suite import bodies
from contracts.suite.accounts import Account
from contracts.suite.exchanges import Exchange
from contracts.suite.findings import Broken, NotShown
from contracts.suite.judging import accepted, difference, plain
from contracts.suite.registry import promise
from contracts.suite.stage import Stage

LIST = "#/paths/~1v1~1videos~1multi-image2video/get"
A_FEW_MORE = 10
"""Tasks worth making where they may cost, to have more than one page."""
SIZE = "#/components/parameters/PageSize/schema"


def _ids(page: Exchange) -> list[str]:
    return [str(task.get("task_id")) for task in page.tasks]


def _page(stage: Stage, account: Account, number: int, size: int) -> Exchange:
    page = account.list({"pageNum": number, "pageSize": size})
    accepted(page, stage.paper)
    return page


def _most(stage: Stage) -> int:
    most: int = _size(stage)["maximum"]
    return most


def _size(stage: Stage) -> dict[str, int]:
    return next(each["schema"] for each in stage.paper.the("list").parameters if each["name"] == "pageSize")


@promise(LIST, costs=True)
def every_task_is_listed_once(stage: Stage) -> None:
    """What was created stands in the list, and nothing stands there twice."""
    assert stage.lives
    wanted, listed = {str(born.task.get("task_id")) for _, born in stage.account.made}, []
    for number in range(1, 5):
        page = _page(stage, stage.account, number, _most(stage))
        listed += _ids(page)
        if len(page.tasks) < _most(stage):
            break
    if len(set(listed)) != len(listed):
        raise Broken("each task once", f"{len(listed) - len(set(listed))} of them again", page)
    if missing := wanted - set(listed):
        raise Broken(
            f"each of the {len(wanted)} tasks that were made",
            f"{len(missing)} missing: {', '.join(sorted(missing)[:3])}",
            page,
        )


@promise(LIST, costs=True)
def pages_cut_the_list_without_gap_or_overlap(stage: Stage) -> None:
    """Small pages, one after the other, are the large one; whatever its order."""
    assert stage.lives
    whole = _page(stage, stage.account, 1, _most(stage))
    for size in (1, 2, 3):
        pages = [_page(stage, stage.account, number, size) for number in range(1, 5)]
        for number, page in enumerate(pages):
            expected = _ids(whole)[number * size : (number + 1) * size]
            if _ids(page) != expected:
                raise Broken(f"page {number + 1} of {size}: {', '.join(expected)}", ", ".join(_ids(page)), page)
    _note_order(stage, whole)


def _note_order(stage: Stage, whole: Exchange) -> None:
    """Newest first is only assumed, so another order is told and not blamed."""
    births = [birth for task in whole.tasks if isinstance(birth := task.get("created_at"), int)]
    if births != sorted(births, reverse=True):
        stage.note("the list does not begin with the newest task, as the document assumes")


@promise(SIZE, costs=True)
def a_page_past_the_end_is_empty(stage: Stage) -> None:
    """Past the last task there is a page without tasks, not an error."""
    assert stage.lives
    page = _page(stage, stage.account, 1000, _most(stage))
    if page.data != []:
        raise Broken("data: []", page.said, page)


@promise(LIST, costs=True)
def a_listed_task_looks_like_a_queried_one(stage: Stage) -> None:
    """Field by field, once it has ended."""
    ended, shown = stage.ended(), _page(stage, stage.account, 1, _most(stage))
    listed = {task.get("task_id"): task for task in shown.tasks}
    for life in ended:
        if life.id not in listed:
            continue  # another promise says that it must be there
        look = stage.account.query(str(life.id))
        if changed := difference(plain(look.task), plain(listed[life.id]), "the task"):
            raise Broken("what a query tells", changed, shown)


@promise(f"{SIZE}/default", costs=True)
def a_page_holds_thirty_unless_told(stage: Stage) -> None:
    """The default page is the first, and of the default size."""
    default, account = _size(stage)["default"], stage.spacious
    missing = default + 1 - len(_page(stage, account, 1, default + 1).tasks)
    if missing > A_FEW_MORE and account is stage.account:
        raise NotShown(f"takes an account with more than {default} tasks")
    for _ in range(missing):
        accepted(stage.settled(account, bodies.sound()), stage.paper)
    for number, query in ((1, {}), (1, {"pageNum": 1}), (2, {"pageNum": 2})):
        wanted, page = _ids(_page(stage, account, number, default)), account.list(query)
        accepted(page, stage.paper)
        if _ids(page) != wanted:
            raise Broken(f"page {number} of {default} tasks each", f"{len(page.tasks)} tasks, or others", page)


@promise(f"{SIZE}/maximum", costs=True)
def a_page_holds_as_many_as_are_asked_for(stage: Stage) -> None:
    """Up to the largest size: no smaller cap in silence, and the rest is on the next page."""
    most, account = _most(stage), stage.spacious
    if account is stage.account:
        raise NotShown(f"takes an account with more than {most} tasks")
    for _ in range(most + 1 - len(_page(stage, account, 1, most).tasks)):
        accepted(stage.settled(account, bodies.sound()), stage.paper)
    first, second = (_page(stage, account, number, most) for number in (1, 2))
    if len(first.tasks) != most:
        raise Broken(f"{most} tasks", f"{len(first.tasks)} tasks", first)
    if not second.tasks or set(_ids(first)) & set(_ids(second)):
        raise Broken("the tasks that the first page had no room for", f"{len(second.tasks)} tasks", second)
