"""An S3 server: PORT ROOT. What is below ROOT is in the bucket "masters".

The objects are moto's, which looks at no signature in a URL; so that is done here, with the signer of Amazon's own client.
So are temporary keys, which it gives to who comes with a token (STS) or asks as a machine would (instance metadata).
"""

import pathlib
import sys
from urllib.parse import parse_qs

import boto3
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import DomainDispatcherApplication, create_backend_app
from moto.sts.models import sts_backends
from werkzeug.serving import make_server

PORT, ROOT = int(sys.argv[1]), pathlib.Path(sys.argv[2])
LASTING = {"AKIALIBRARY": Credentials("AKIALIBRARY", "correct horse")}
MACHINE = {"test-key": Credentials("test-key", "test-secret-key", "test-session-token")}
REFUSED = "<Error><Code>{}</Code><Message>no</Message></Error>"
LIFETIME = ("X-aws-ec2-metadata-token-ttl-seconds", "21600")
filling = True


def temporary():
    """The keys of roles that someone has taken on."""
    roles = [role for account in sts_backends.values() for backend in account.values() for role in backend.assumed_roles]
    return {role.access_key_id: Credentials(role.access_key_id, role.secret_access_key, role.session_token) for role in roles}


def asks_for_keys(environ):
    """Whether this is a question to STS or to the metadata of a machine."""
    form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    return environ["PATH_INFO"].startswith("/latest/") or (form and environ["REQUEST_METHOD"] == "POST")


def refusal(environ):
    """Why a request is refused, as S3 names it."""
    query = environ["QUERY_STRING"]
    said = {name: values[0] for name, values in parse_qs(query).items()}
    if "X-Amz-Signature" not in said:
        return "AccessDenied"
    key, _, region, service, _ = said["X-Amz-Credential"].split("/")
    keys = (LASTING | MACHINE | temporary()).get(key)
    if keys is None:
        return "InvalidAccessKeyId"
    if said.get("X-Amz-Security-Token") != keys.token:
        return "InvalidToken"
    unsigned = "&".join(pair for pair in query.split("&") if not pair.startswith("X-Amz-Signature="))
    # As it was sent: the server's own path is decoded.
    path = environ["RAW_URI"].split("?")[0]
    request = AWSRequest(environ["REQUEST_METHOD"], f"http://{environ['HTTP_HOST']}{path}?{unsigned}")
    request.context["timestamp"] = said["X-Amz-Date"]
    signer = S3SigV4QueryAuth(keys, service, region)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    if signer.signature(text, request) != said["X-Amz-Signature"]:
        return "SignatureDoesNotMatch"
    return "AccessDenied" if path.endswith("/forbidden") else None


def guarded(environ, start_response):
    """The objects, for who may have them."""
    code = None if filling or asks_for_keys(environ) else refusal(environ)
    if environ["PATH_INFO"] == "/latest/api/token":
        # What a machine says and moto does not: how long the answer is good for.
        return objects(environ, lambda status, headers, *more: start_response(status, [*headers, LIFETIME], *more))
    if code is None:
        return objects(environ, start_response)
    start_response("403 Forbidden", [("Content-Type", "application/xml")])
    return [REFUSED.format(code).encode()]


objects = DomainDispatcherApplication(create_backend_app)
server = make_server("127.0.0.1", PORT, guarded, threaded=True)


def fill():
    """Puts the files into the bucket, as nobody else may."""
    global filling
    place = {"endpoint_url": f"http://127.0.0.1:{PORT}", "region_name": "us-east-1"}
    s3 = boto3.client("s3", aws_access_key_id="a", aws_secret_access_key="b", **place)
    s3.create_bucket(Bucket="masters")
    for file in ROOT.rglob("*"):
        if file.is_file():
            s3.put_object(Bucket="masters", Key=str(file.relative_to(ROOT)), Body=file.read_bytes())
    filling = False
    (ROOT.parent / "s3-filled").touch()


if __name__ == "__main__":
    import threading

    threading.Thread(target=fill).start()
    server.serve_forever()
