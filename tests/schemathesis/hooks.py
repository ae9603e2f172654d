"""What an OpenAPI document cannot say, told to schemathesis: which values mean something here."""

import itertools
import os

import requests
import schemathesis
from hypothesis import strategies as st

PATH = st.text("abcdefghijklmnopqrstuvwxyz0123456789-._~", max_size=12)
CALLS = itertools.count()
schemathesis.openapi.format("uri", st.builds("https://origin.example/{}".format, PATH))


# What there is, by the name of its variable in a path.
KNOWN = {"customer": int(os.environ["DLCS_CUSTOMER"]), "space": int(os.environ["DLCS_SPACE"])}

# What lists can be ordered by.
FIELDS = {
    "id", "name", "created", "finished", "submitted", "width", "height", "origin",
    *(f"{kind}{number}" for kind in ("string", "number") for number in (1, 2, 3)),
}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """JSON is asked; bytes of images, raw and in forms, have tests of their own."""
    for path in raw_schema["paths"].values():
        for operation in path.values():
            content = operation.get("requestBody", {}).get("content", {})
            for kind in [kind for kind in content if "json" not in kind]:
                del content[kind]


@schemathesis.hook
def before_call(context, case, **kwargs):
    """A list has one order; no tag is known; a key is of one request; customer and space are those that there are."""
    for name, value in (case.path_parameters or {}).items():
        # A number that no customer or space can have stays, to be refused.
        if name in KNOWN and is_id(value):
            case.path_parameters[name] = KNOWN[name]
    query = case.query if isinstance(case.query, dict) else {}
    descending = query.get("orderByDescending")
    if "orderBy" in query and isinstance(descending, str) and descending in FIELDS:
        query.pop("orderByDescending")
    if case.headers is not None:
        # A made-up tag is asked for below, where it is known what has to come of it.
        case.headers.pop("If-Match", None)
        key = case.headers.get("Idempotency-Key")
        if isinstance(key, str) and 0 < len(key) <= 255:
            case.headers["Idempotency-Key"] = f"{key[:240]}-{next(CALLS)}"
    if isinstance(case.body, dict) and "multipart" in (case.media_type or ""):
        # The text of the image is JSON, which a schema of forms cannot say.
        if "image" in case.body:
            case.body["image"] = "{}"
    elif isinstance(case.body, dict):
        give_meaning(case)
        if case.method == "PUT" and case.path.endswith("/images/{image}"):
            # Only an image that is there already needs no origin.
            case.body.setdefault("origin", "https://origin.example/")


def is_id(value):
    """Whether this may be the number of a customer or space."""
    if isinstance(value, bool):
        return False
    try:
        return 0 < int(value) < 2**31 and int(value) == float(value)
    except (TypeError, ValueError, OverflowError):
        return False


def storable(value):
    """Free JSON without the one character that no text in Postgres can hold."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [storable(element) for element in value]
    if isinstance(value, dict):
        return {storable(name): storable(content) for name, content in value.items()}
    return value


# What each origin strategy needs.
CREDENTIALS = {
    "default": None, "s3-ambient": None,
    "basic-http-authentication": {"user": "u", "password": "p"}, "ftp": {"user": "u", "password": "p"},
    "s3-credentials": {"accessKeyId": "a", "secretAccessKey": "s"}, "sftp": {"user": "u", "password": "p"},
}


def give_strategy(body):
    """An expression that is one, and the credentials that the strategy needs."""
    regex, strategy = body.get("regex"), body.get("strategy")
    if isinstance(regex, str) and len(regex) <= 1000 and "\0" not in regex:
        body["regex"] = r"https://origin\.example/.*"
    if isinstance(body.get("credentials"), dict) or body.get("credentials", ...) in (None, ...):
        # A change may leave the strategy as it is, whichever that is.
        body.pop("credentials", None)
        if isinstance(strategy, str) and CREDENTIALS.get(strategy):
            body["credentials"] = CREDENTIALS[strategy]


def give_meaning(case):
    """Makes of a body that has the right form one that can be meant; a wrong form stays wrong."""
    members = case.body.get("member")
    if "/originStrategies" in case.path:
        give_strategy(case.body)
    if "metadata" in case.body:
        case.body["metadata"] = storable(case.body["metadata"])
    seen = set()
    for member in members if isinstance(members, list) else []:
        if not isinstance(member, dict):
            continue
        if "metadata" in member:
            member["metadata"] = storable(member["metadata"])
        if is_id(member.get("space")):
            member["space"] = KNOWN["space"]
        if str(member.get("id")) in seen:
            member["id"] = f"{len(seen)}"
        seen.add(str(member.get("id")))


def ask(response, query="", **headers):
    """Sends the same request once more, with other headers or a longer query."""
    request = response.request.copy()
    request.url += query and ("&" if "?" in request.url else "?") + query
    for name, value in headers.items():
        request.headers[name.replace("_", "-")] = value
    with requests.Session() as session:
        return session.send(request, timeout=30)


def is_read(response):
    return response.request.method == "GET" and response.status_code == 200


@schemathesis.check
def what_is_known_is_not_sent_again(ctx, response, case):
    """A GET with the tag of what it just answered is 304 and empty, unless it changed meanwhile; with another it is not."""
    if not is_read(response) or "etag" not in response.headers:
        return
    tag = response.headers["etag"][0]
    again = ask(response, If_None_Match=f'"nothing", {tag}')
    assert again.status_code == 304 or again.headers.get("etag") != tag, f"{again.status_code} for {tag}"
    assert again.status_code != 304 or (again.content == b"" and again.headers.get("etag") == tag), again.content
    other = ask(response, If_None_Match='"nothing"')
    assert other.status_code != 304, "a tag that was never given matches"


@schemathesis.check
def nothing_is_changed_that_is_not_as_believed(ctx, response, case):
    """What changes something refuses to with a tag that nothing has."""
    if response.request.method not in ("PUT", "PATCH", "DELETE") or not 200 <= response.status_code < 300:
        return
    parameters = case.operation.iter_parameters()
    if not any(parameter.name == "If-Match" for parameter in parameters):
        return
    refused = ask(response, If_Match='"nothing"')
    # A thing that is gone by now has no tag either.
    assert refused.status_code in (404, 412), f"{refused.status_code} {refused.text}"


@schemathesis.check
def a_list_has_one_order(ctx, response, case):
    """Two orders contradict each other, as one does that comes twice."""
    query = case.query if isinstance(case.query, dict) else {}
    if not is_read(response) or not {"orderBy", "orderByDescending"} & query.keys():
        return
    for more, code in (("orderBy=id&orderByDescending=id", "repeated"), ("orderBy=id", None)):
        refused = ask(response, more)
        if refused.status_code == 414:
            continue
        codes = [fault["code"] for fault in refused.json()["errors"]]
        assert refused.status_code == 400 and (code is None or code in codes), refused.text
