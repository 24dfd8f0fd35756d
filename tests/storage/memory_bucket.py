"""A bucket in memory that keeps S3's rules for conditional writes: for logic; the protocol is tested on a server."""

import hashlib
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from storage.s3_client import Absent, Refused


class MemoryBucket:
    """Stands in for :class:`storage.s3_client.Bucket`; ``now`` is its clock, ``faults`` come before each request."""

    name = "memory"

    def __init__(self):
        self.objects, self.uploads, self.requests = {}, {}, []
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.before = lambda method, arguments: None
        self.after = lambda method, arguments: None
        self._lock = threading.Lock()

    def sleep(self, seconds):
        self.now += timedelta(seconds=seconds)

    def call(self, method, **arguments):
        self.requests.append(method)
        self.before(method, arguments)
        with self._lock:
            answer = getattr(self, f"_{method}")(**arguments)
        self.after(method, arguments)
        return answer

    def read(self, key):
        with self._lock:
            found = self._get(key)
            headers = {"ResponseMetadata": {"HTTPHeaders": {"date": format_datetime(self.now, usegmt=True)}}}
            return found["Body"], {**found, **headers, "ContentLength": len(found["Body"])}

    def download(self, key, file):
        data, headers = self.read(key)
        file.seek(0)
        file.truncate()
        file.write(data)
        return headers

    def _get(self, key):
        if key not in self.objects:
            raise Absent
        return self.objects[key]

    def _put_object(self, Key, Body, Metadata, IfNoneMatch=None, IfMatch=None):  # noqa: N803  # S3's names
        if IfNoneMatch == "*" and Key in self.objects:
            raise Refused
        if IfMatch is not None and self._get(Key)["ETag"] != IfMatch:
            raise Refused
        tag = f'"{hashlib.md5(Body).hexdigest()}"'
        self.objects[Key] = {"Body": Body, "Metadata": Metadata, "ETag": tag, "LastModified": self.now}
        return {"ETag": tag}

    def _head_object(self, Key):  # noqa: N803
        return self._get(Key)

    def _delete_object(self, Key):  # noqa: N803
        self.objects.pop(Key, None)
        return {}

    def _list_objects_v2(self, Prefix, Delimiter=None, MaxKeys=1000):  # noqa: N803
        found = [
            {"Key": key, "Size": len(one["Body"]), "ETag": one["ETag"], "LastModified": one["LastModified"]}
            for key, one in sorted(self.objects.items())
            if key.startswith(Prefix)
        ]
        if Delimiter is None:
            return {"Contents": found[:MaxKeys]}
        below = (one["Key"].removeprefix(Prefix).partition(Delimiter) for one in found)
        names = sorted({name for name, slash, _ in below if slash})
        return {"CommonPrefixes": [{"Prefix": f"{Prefix}{name}/"} for name in names]}

    def _create_multipart_upload(self, Key, Metadata):  # noqa: N803
        upload = str(len(self.uploads))
        self.uploads[upload] = {"Metadata": Metadata, "parts": {}}
        return {"UploadId": upload}

    def _upload_part(self, Key, UploadId, PartNumber, Body):  # noqa: N803
        self.uploads[UploadId]["parts"][PartNumber] = Body
        return {"ETag": str(PartNumber)}

    def _complete_multipart_upload(self, Key, UploadId, MultipartUpload, IfNoneMatch=None):  # noqa: N803
        if UploadId not in self.uploads:
            raise Absent
        numbers = [part["PartNumber"] for part in MultipartUpload["Parts"]]
        body = b"".join(self.uploads[UploadId]["parts"][number] for number in numbers)
        answer = self._put_object(Key, body, self.uploads[UploadId]["Metadata"], IfNoneMatch=IfNoneMatch)
        del self.uploads[UploadId]
        return answer

    def _abort_multipart_upload(self, Key, UploadId):  # noqa: N803
        if self.uploads.pop(UploadId, None) is None:
            raise Absent
        return {}
