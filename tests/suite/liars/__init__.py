"""The liars: each breaks one promise of an honest double, and names the promise that must catch it.

A room for each subject, as the promises have them.
"""

from importlib import import_module

from suite.liars.telling import LIARS

from contracts.suite.promises import SUBJECTS

for _subject in SUBJECTS:
    import_module(f"{__name__}.{_subject}")

__all__ = ["LIARS"]
