"""The promises, a room for each subject; importing this makes them known, in the order in which a run tries them.

What costs nothing comes first, what is judged by all that was said comes last.
"""

from importlib import import_module

SUBJECTS = (
    "authorization",
    "creating",
    "refusals",
    "images",
    "ids",
    "statuses",
    "times",
    "results",
    "prices",
    "files",
    "callbacks",
    "strangers",
    "slots",
    "lists",
    "together",
    "envelopes",
)

for _subject in SUBJECTS:
    import_module(f"{__name__}.{_subject}")
