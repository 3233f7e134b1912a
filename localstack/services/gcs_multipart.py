"""Uploads in parts by Google's XML API: a double of our own, made from Google's documentation, since no emulator speaks it.

What it does is what is written ("XML API multipart uploads", and the pages of the XML API that each function names). Where
nothing is written it does as S3 does, whose protocol it is. It is not Google's, and proves nothing of Google's.

The emulator's own parts (the store, buckets, preconditions) come from gcs.py, which is the program and imports this.
"""

import base64
import datetime
import hashlib
import re
import secrets
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import google_crc32c

LEAST = 5 << 20  # of all parts but the last ("Quotas and limits")
MOST = 10_000
PAGE = 1000


class Refused(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code = status, code


class Upload:
    def __init__(self, bucket, key, meta):
        self.bucket, self.key, self.meta, self.initiated, self.parts = bucket, key, meta, now(), {}


class Part:
    def __init__(self, data):
        self.data, self.stored = data, now()
        self.tag = f'"{hashlib.md5(data).hexdigest()}"'


uploads = {}


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parameters(request):
    """Also those without a value, which the emulator drops."""
    query = parse_qs(urlsplit(request._request_handler.path).query, keep_blank_values=True)
    return {name: values[0] for name, values in query.items()}


def document(response, root, *elements):
    response["Content-Type"] = "application/xml; charset=UTF-8"
    response._content = f"<?xml version='1.0' encoding='UTF-8'?><{root}>{''.join(elements)}</{root}>"


def element(name, text):
    return f"<{name}>{escape(str(text))}</{name}>"


def answered(handler):
    """`handler`, with the XML API's error bodies."""

    def run(request, response, storage):
        try:
            bucket = request.params["bucket_name"]
            if bucket not in storage.buckets:
                raise Refused(HTTPStatus.NOT_FOUND, "NoSuchBucket", "The specified bucket does not exist.")
            handler(request, response, storage, bucket, parameters(request))
        except Refused as refused:
            response.status = refused.status
            document(response, "Error", element("Code", refused.code), element("Message", refused))

    return run


def upload_of(request, bucket, query):
    upload = uploads.get(query.get("uploadId"))
    if not upload or (upload.bucket, upload.key) != (bucket, request.params["object_id"]):
        raise Refused(HTTPStatus.NOT_FOUND, "NoSuchUpload", "The requested upload was not found.")
    return upload


# "Initiate a multipart upload", "Complete a multipart upload".


def post(store):
    @answered
    def handler(request, response, storage, bucket, query):
        if "uploads" in query:
            return initiate(request, response, bucket)
        if "uploadId" in query:
            return complete(request, response, storage, store, bucket, query)
        raise Refused(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented", "POST Object")

    return handler


def initiate(request, response, bucket):
    key, headers = request.params["object_id"], request._request_handler.headers
    prefix = "x-goog-meta-"
    metadata = {name.lower()[len(prefix) :]: value for name, value in headers.items() if name.lower().startswith(prefix)}
    identity = base64.urlsafe_b64encode(secrets.token_bytes(24)).decode()
    uploads[identity] = Upload(bucket, key, {"contentType": headers.get("Content-Type"), "metadata": metadata})
    names = element("Bucket", bucket), element("Key", key), element("UploadId", identity)
    document(response, "InitiateMultipartUploadResult", *names)


def complete(request, response, storage, store, bucket, query):
    upload = upload_of(request, bucket, query)
    try:
        listed = ElementTree.fromstring(request._request_handler.body).findall("Part")
        listed = [(int(part.findtext("PartNumber")), part.findtext("ETag")) for part in listed]
    except (ElementTree.ParseError, TypeError, ValueError):
        raise Refused(HTTPStatus.BAD_REQUEST, "MalformedCompleteMultipartUploadRequest", "no list of parts") from None
    numbers = [number for number, _ in listed]
    if not listed or numbers != sorted(set(numbers)):
        raise Refused(HTTPStatus.BAD_REQUEST, "InvalidPartOrder", "The list of parts was not in ascending order.")
    for number, tag in listed:
        if number not in upload.parts or upload.parts[number].tag != tag:
            raise Refused(HTTPStatus.BAD_REQUEST, "InvalidPart", f"Part {number} was not found, or its ETag differs.")
    parts = [upload.parts[number].data for number in numbers]
    if any(len(part) < LEAST for part in parts[:-1]):
        raise Refused(HTTPStatus.BAD_REQUEST, "EntityTooSmall", "A part that is not the last is smaller than 5 MiB.")
    # No preconditions: "This request overwrites any existing object in the bucket with the same name."
    resource = store(storage, request.base_url, {}, bucket, upload.key, b"".join(parts), dict(upload.meta))
    del uploads[query["uploadId"]]
    response["x-goog-hash"] = f"crc32c={resource['crc32c']}"
    response["x-goog-generation"] = resource["generation"]
    place = element("Location", f"{request.base_url}/{bucket}/{upload.key}")
    tag = element("ETag", f'"{secrets.token_hex(8)}-{len(parts)}"')
    document(response, "CompleteMultipartUploadResult", place, element("Bucket", bucket), element("Key", upload.key), tag)


# "Upload a part".


def put(otherwise):
    @answered
    def part(request, response, storage, bucket, query):
        upload, data = upload_of(request, bucket, query), request._request_handler.body
        if not query["partNumber"].isdecimal() or not 1 <= int(query["partNumber"]) <= MOST:
            raise Refused(HTTPStatus.BAD_REQUEST, "InvalidArgument", f"A part's number is from 1 to {MOST}.")
        for wanted in re.findall(r"crc32c=([^,\s]+)", request.get_header("x-goog-hash") or ""):
            if base64.b64decode(wanted) != google_crc32c.value(data).to_bytes(4, "big"):
                raise Refused(HTTPStatus.BAD_REQUEST, "BadDigest", "The CRC32C you specified did not match what we received.")
        stored = upload.parts[int(query["partNumber"])] = Part(data)
        response["ETag"] = stored.tag
        response["x-goog-hash"] = f"crc32c={base64.b64encode(google_crc32c.value(data).to_bytes(4, 'big')).decode()}"

    return lambda *args: part(*args) if "partNumber" in parameters(args[0]) else otherwise(*args)


# "Abort a multipart upload".


@answered
def delete(request, response, storage, bucket, query):
    if "uploadId" not in query:
        raise Refused(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented", "DELETE Object")
    upload_of(request, bucket, query)
    del uploads[query["uploadId"]]
    response.status = HTTPStatus.NO_CONTENT


# "List parts", "List multipart uploads".


def get(otherwise):
    @answered
    def parts(request, response, storage, bucket, query):
        upload, after = upload_of(request, bucket, query), int(query.get("part-number-marker") or 0)
        numbers = sorted(number for number in upload.parts if number > after)
        page = numbers[: min(int(query.get("max-parts") or PAGE), PAGE)]
        listed = [
            "<Part>"
            + element("PartNumber", number)
            + element("LastModified", upload.parts[number].stored)
            + element("ETag", upload.parts[number].tag)
            + element("Size", len(upload.parts[number].data))
            + "</Part>"
            for number in page
        ]
        names = element("Bucket", bucket), element("Key", upload.key), element("UploadId", query["uploadId"])
        more = element("IsTruncated", str(len(page) < len(numbers)).lower())
        marker = element("NextPartNumberMarker", page[-1]) if page else ""
        document(response, "ListPartsResult", *names, more, marker, *listed)

    return lambda *args: parts(*args) if "uploadId" in parameters(args[0]) else otherwise(*args)


@answered
def ls(request, response, storage, bucket, query):
    if "uploads" not in query:
        raise Refused(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented", "GET Bucket")
    after = query.get("key-marker") or "", query.get("upload-id-marker") or "\U0010ffff"
    found = sorted((upload.key, identity) for identity, upload in uploads.items() if upload.bucket == bucket)
    found = [entry for entry in found if entry[0].startswith(query.get("prefix") or "") and entry > after]
    page = found[: min(int(query.get("max-uploads") or PAGE), PAGE)]
    listed = [
        "<Upload>"
        + element("Key", key)
        + element("UploadId", identity)
        + element("StorageClass", "STANDARD")
        + element("Initiated", uploads[identity].initiated)
        + "</Upload>"
        for key, identity in page
    ]
    more = element("IsTruncated", str(len(page) < len(found)).lower())
    markers = element("NextKeyMarker", page[-1][0]) + element("NextUploadIdMarker", page[-1][1]) if page else ""
    document(response, "ListMultipartUploadsResult", element("Bucket", bucket), more, markers, *listed)
