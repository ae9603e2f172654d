"""Reads linked data as a JSON-LD processor does: every name in our answers must become a term of a vocabulary.

    expand.py KEY SECRET URL...     the exit status is 1 if a name means nothing
"""

import json
import sys
import urllib.request
from base64 import b64encode

from pyld import jsonld

HYDRA = "http://www.w3.org/ns/hydra/core#"
LINK = {"@type": "@id"}
# What Hydra's own context says of the terms that we use; it is never fetched by a test.
HYDRA_CONTEXT = {
    "hydra": HYDRA,
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    **{name: f"hydra:{name}" for name in (
        "ApiDocumentation", "Class", "SupportedProperty", "Operation", "Status", "Error", "Collection",
        "PartialCollectionView", "Link", "Resource", "title", "description", "required", "readable", "writeable",
        "method", "statusCode", "totalItems",
    )},
    **{name: {"@id": f"hydra:{name}", **LINK} for name in (
        "entrypoint", "supportedProperty", "supportedOperation", "possibleStatus", "member", "view", "first", "last",
        "next", "previous",
    )},
    **{name: {"@id": f"hydra:{name}", "@type": "@vocab"} for name in (
        "supportedClass", "property", "expects", "returns",
    )},
    "label": "rdfs:label",
    "range": {"@id": "rdfs:range", "@type": "@vocab"},
}
# Ours, in a frame that is Hydra's: a processor passes over them.
BESIDE_HYDRA = {"pageSize", "page", "totalPages"}
credentials = ""


def fetch(url, accept="application/ld+json"):
    request = urllib.request.Request(url, headers={"Authorization": credentials, "Accept": accept})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def load(url, _options):
    document = {"@context": HYDRA_CONTEXT} if url == "http://www.w3.org/ns/hydra/context.jsonld" else fetch(url)
    return {"contextUrl": None, "documentUrl": url, "document": document, "contentType": "application/ld+json"}


def names(value):
    """Every name in a document, but those of free JSON and of the syntax."""
    if isinstance(value, list):
        return set().union(*map(names, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    own = {name for name, content in value.items() if not name.startswith("@") and content not in ([], {})}
    nested = (content for name, content in value.items() if name not in ("@context", "metadata"))
    return own.union(*map(names, nested))


def terms(value):
    """Every absolute term in an expanded document."""
    if isinstance(value, list):
        return set().union(*map(terms, value)) if value else set()
    if not isinstance(value, dict) or value.get("@type") == "@json":
        return set()
    own = {name for name in value if not name.startswith("@")}
    kinds = value.get("@type", [])
    return own.union([kinds] if isinstance(kinds, str) else kinds, *map(terms, value.values()))


def check(url):
    document = fetch(url)
    expanded = terms(jsonld.expand(document, {"documentLoader": load, "base": url}))
    relative = {term for term in expanded if not term.startswith(("http://", "https://"))}
    known = {term.rsplit("#", 1)[-1] for term in expanded}
    lost = names(document) - known - BESIDE_HYDRA
    for fault in sorted(lost):
        print(f"{url}: {fault} means nothing")
    for fault in sorted(relative):
        print(f"{url}: {fault} is not a URL")
    return not lost and not relative and bool(expanded)


def main():
    global credentials
    key, secret, *urls = sys.argv[1:]
    credentials = "Basic " + b64encode(f"{key}:{secret}".encode()).decode()
    results = [check(url) for url in urls]
    sys.exit(0 if all(results) else 1)


main()
