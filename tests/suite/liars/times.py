"""Lies about times of a task."""

from suite.liars.telling import tells


@tells("times_are_whole_milliseconds")
def times_are_seconds(task, call):
    task["created_at"] //= 1000
    task["updated_at"] //= 1000


@tells("times_are_whole_milliseconds")
def times_are_texts(task, call):
    task["updated_at"] = str(task["updated_at"])


@tells("times_are_whole_milliseconds", "read")
def times_have_fractions(task, call):
    task["created_at"] += 0.5


@tells("times_are_whole_milliseconds")
def times_are_floats(task, call):
    task["updated_at"] = float(task["updated_at"])


@tells("a_task_is_born_when_it_is_created")
def tasks_are_born_eight_hours_ago(task, call):
    task["created_at"] -= 8 * 3600 * 1000


@tells("created_at_never_moves", "read", "list")
def created_at_moves_with_the_status(task, call):
    task["created_at"] = task["updated_at"]


@tells("tasks_are_born_in_the_order_of_their_creates")
def births_are_shuffled(task, call):
    task["created_at"] += (int(task["task_id"]) % 7) * 100


@tells("updated_at_never_goes_back", "read")
def updated_at_lies_before_created_at(task, call):
    task["updated_at"] = task["created_at"] - 1


@tells("updated_at_moves_with_the_status", "read", "list")
def updated_at_never_moves(task, call):
    task["updated_at"] = task["created_at"]
