"""Other honest services: each makes a choice that the document leaves open, and must break no promise."""

from collections.abc import Callable
from typing import Any

from suite.proxy import Call, Letter, Liar, Reply

OTHERS: dict[str, Liar] = {}


def differs(change: Callable[[Call, Reply], None]) -> None:
    """A service whose replies differ."""

    def reply(call: Call, reply: Reply) -> None:
        if isinstance(reply.content, dict):
            change(call, reply)

    OTHERS[change.__name__] = Liar(change.__name__, "", reply=reply)


def shows(change: Callable[[dict[str, Any], Call], None]) -> None:
    """A service that shows tasks in another way."""

    def reply(call: Call, reply: Reply) -> None:
        for task in reply.tasks:
            change(task, call)

    def callback(letter: Letter) -> None:
        change(letter.content, Call("", "", "", {}, b"", letter.memory, ""))

    OTHERS[change.__name__] = Liar(change.__name__, "", reply=reply, callback=callback)


def calls_back(change: Callable[[Letter], None]) -> None:
    """A service that calls back in another way."""
    OTHERS[change.__name__] = Liar(change.__name__, "", callback=change)


@differs
def says_everything_in_other_words(call, reply):
    reply.content["message"] = "好" if reply.ok else "非法请求"


@differs
def says_nothing(call, reply):
    reply.content["message"] = ""


@differs
def adds_a_trace(call, reply):
    reply.content["trace"] = {"host": "a"}


@differs
def names_a_charset(call, reply):
    reply.headers["content-type"] = "application/json;charset=ISO-8859-1"


@differs
def tells_broken_json_as_1201(call, reply):
    if reply.content["code"] == 1200:
        reply.content["code"] = 1201


@differs
def tells_unknown_paths_as_web_pages(call, reply):
    if reply.content["code"] == 1203:
        reply.headers["content-type"], reply.content, reply.body = "text/html", None, b"<html>not found</html>"


@differs
def has_no_packs(call, reply):
    if call.action == "costs" and reply.ok:
        reply.content["data"] = {"code": 0, "msg": "ok"}


@shows
def adds_a_balance(task, call):
    task["final_balance_deduction"] = {"quota": "0.28", "list_price": "0.28"}


@shows
def tells_four_keys_of_a_new_task(task, call):
    if call.action == "submit":
        del task["task_info"]


@shows
def leaves_out_what_says_nothing(task, call):
    for key in ("task_status_msg", "task_info"):
        if not task.get(key):
            task.pop(key, None)
    if task.get("watermark_info") == {"enabled": False}:
        del task["watermark_info"]


@shows
def tells_empty_texts(task, call):
    task.setdefault("task_status_msg", "")
    if call.action != "submit":
        task.setdefault("final_unit_deduction", "")
        task.setdefault("task_result", {})
        for video in task["task_result"].get("videos", []):
            video.setdefault("watermark_url", "")
    task["task_info"].setdefault("external_task_id", "")


@shows
def tells_nulls(task, call):
    if call.action != "submit":
        task["task_status_msg"] = task["task_status_msg"] or None
        for video in task.get("task_result", {}).get("videos", []):
            video.setdefault("watermark_url", None)


@shows
def tells_prices_with_a_decimal(task, call):
    if task.get("final_unit_deduction", "x").isdigit():
        task["final_unit_deduction"] += ".0"


@shows
def makes_videos_some_frames_longer(task, call):
    for video in task.get("task_result", {}).get("videos", []):
        video["duration"] += ".041"


@shows
def signs_links_anew(task, call):
    call.memory["n"] = call.memory.get("n", 0) + 1
    for video in task.get("task_result", {}).get("videos", []):
        video["url"] += f"?sign={call.memory['n']}"


@calls_back
def calls_back_only_the_end(letter):
    letter.copies = int(letter.content["task_status"] in ("succeed", "failed"))


@calls_back
def calls_back_briefly(letter):
    for key in ("watermark_info", "final_unit_deduction"):
        letter.content.pop(key, None)
    for video in letter.content.get("task_result", {}).get("videos", []):
        video.pop("watermark_url", None)


def together(name: str, *names: str) -> Liar:
    """A service that makes several choices at once."""
    some = [OTHERS[each] for each in names]

    def reply(call: Call, reply: Reply) -> None:
        for other in some:
            if other.reply:
                other.reply(call, reply)

    def callback(letter: Letter) -> None:
        for other in some:
            if other.callback:
                other.callback(letter)

    return Liar(name, "", reply=reply, callback=callback)


TALKATIVE = together(
    "talkative",
    "says_everything_in_other_words",
    "adds_a_trace",
    "names_a_charset",
    "adds_a_balance",
    "tells_empty_texts",
    "tells_prices_with_a_decimal",
    "makes_videos_some_frames_longer",
    "signs_links_anew",
)
TERSE = together(
    "terse",
    "says_nothing",
    "tells_broken_json_as_1201",
    "tells_unknown_paths_as_web_pages",
    "has_no_packs",
    "tells_four_keys_of_a_new_task",
    "leaves_out_what_says_nothing",
    "calls_back_only_the_end",
    "calls_back_briefly",
)
CHARACTERS = {each.name: each for each in (TALKATIVE, TERSE)}
