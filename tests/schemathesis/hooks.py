"""What an OpenAPI document cannot say, told to schemathesis: which values mean something here."""

import itertools
import os

import schemathesis
from hypothesis import strategies as st

PATH = st.text("abcdefghijklmnopqrstuvwxyz0123456789-._~", max_size=12)
CALLS = itertools.count()
schemathesis.openapi.format("uri", st.builds("https://origin.example/{}".format, PATH))


@schemathesis.hook
def before_call(context, case, **kwargs):
    """A list has one order; no tag is known; a key is of one request; members are of the space that there is."""
    if isinstance(case.query, dict) and "orderBy" in case.query:
        case.query.pop("orderByDescending", None)
    if case.headers is not None:
        case.headers.pop("If-Match", None)
        key = case.headers.get("Idempotency-Key")
        if isinstance(key, str) and 0 < len(key) <= 200:
            case.headers["Idempotency-Key"] = f"{key}-{next(CALLS)}"
    if isinstance(case.body, dict):
        give_meaning(case)


def give_meaning(case):
    """Makes of a body that has the right form one that can be meant; a wrong form stays wrong."""
    members = case.body.get("member")
    seen = set()
    for member in members if isinstance(members, list) else []:
        if not isinstance(member, dict):
            continue
        if isinstance(member.get("space"), int) and member["space"] > 0:
            member["space"] = int(os.environ["DLCS_SPACE"])
        if str(member.get("id")) in seen:
            member["id"] = f"{len(seen)}"
        seen.add(str(member.get("id")))
