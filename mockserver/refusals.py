"""`Refusal`, the one exception that ends a call: the API says no, in the words of its document."""

from typing import Any


class Refusal(Exception):
    """Named after a situation of the document or a row of its error table; `fields` fill the message's template."""

    def __init__(self, slug: str, **fields: Any) -> None:
        super().__init__(slug)
        self.slug = slug
        self.fields = fields
