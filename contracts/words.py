"""The few values of the API on which a client must branch, in one visible place.

The document in `openapi/` is the truth. A client is a second reader of the same pages, so what it understood is written
here once, by hand, and a test of the house holds it against the document. Everything else passes through unread.
"""

SUBMITTED = "submitted"
PROCESSING = "processing"
SUCCEED = "succeed"
FAILED = "failed"

RANKS = {SUBMITTED: 0, PROCESSING: 1, SUCCEED: 2, FAILED: 2}
"""Every word of `task_status` and how far it is from the start ("Query Task (Single)": enum values)."""

FINAL = frozenset({SUCCEED, FAILED})
"""The statuses that never change again."""

PRODUCT_PATH = "/v1/videos/multi-image2video"
"""Create, query and list of the product live here ("Create Task", "Query Task (Single)", "Query Task (List)")."""

COSTS_PATH = "/account/costs"
"""Resource packs and what is left in them ("Account Information Inquiry")."""

VIDEO_TYPE = "video/mp4"
"""The media type of a result file."""

MAX_PAGES = 1000
"""The highest `pageNum` ("Query Task (List)": value range [1, 1000])."""

# The error table ("Error Code"), by the class of exception it becomes.
SUCCESS = 0
TOKEN_EXPIRED = 1004
"""The one code that a fresh token cures."""

AUTHENTICATION = frozenset({1000, 1001, 1002, 1003, 1004})
ACCOUNT = frozenset({1100, 1101, 1102, 1103})
PARAMETERS = frozenset({1200, 1201, 1202, 1203})
POLICY = frozenset({1300, 1301, 1304})
RATE = frozenset({1302, 1303})
"""Too fast, too many at once: the two refusals that time alone cures."""
SERVER = frozenset({5000, 5001, 5002})

# One code, 1201, says many things, and only the words tell them apart. Both are compared without regard to case.
NOT_FOUND = "not found"
"""In `Task not found by id/external id: <id>`: 400/1201 to a query."""
ALREADY_EXISTS = "already exists"
"""In `External_task_id <value> already exists`: 400/1201 to a create."""

SIGNATURE_VERSION = "v1"
SECRET_PREFIX = "whsec_"
SIGNATURE_TOLERANCE_S = 300
"""How far `webhook-timestamp` may lie from now, either way ("Callback Protocol": five minutes)."""
