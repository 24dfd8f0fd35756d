import pytest
from memory_bucket import MemoryBucket

from schemas.errors import StoreError
from storage import s3_commits
from storage.s3_client import Absent, Conflict, Refused
from storage.s3_commits import check_conditions, upload_if_absent, write_if


@pytest.fixture
def bucket():
    return MemoryBucket()


@pytest.fixture
def large(tmp_path, monkeypatch):
    monkeypatch.setattr(s3_commits, "PART_BYTES", 10)
    path = tmp_path / "large"
    path.write_bytes(bytes(range(35)))
    return path


def send_again(bucket, method):
    """The answer to the first such request is lost; it is sent once more, as an HTTP client would."""
    lost = []

    def repeat(sent, arguments):
        if sent == method and not lost:
            lost.append(sent)
            bucket.call(sent, **arguments)

    bucket.after = repeat


def fail_after(bucket, method, fault):
    """The first such request is carried out, and its answer is ``fault``."""
    failed = []

    def fail(sent, _):
        if sent == method and not failed:
            failed.append(sent)
            raise fault

    bucket.after = fail


def test_the_first_writer_wins(bucket):
    assert write_if(bucket, "k", b"first", tag=None) is not None
    assert write_if(bucket, "k", b"second", tag=None) is None
    assert bucket.objects["k"]["Body"] == b"first"


def test_an_object_moves_only_from_the_tag_that_was_read(bucket):
    first = write_if(bucket, "k", b"1", tag=None)
    second = write_if(bucket, "k", b"2", tag=first)
    assert second not in {None, first}
    assert write_if(bucket, "k", b"3", tag=first) is None
    assert write_if(bucket, "absent", b"3", tag=first) is None
    assert bucket.objects["k"]["Body"] == b"2"


def test_a_write_whose_answer_was_lost_is_known_as_our_own(bucket):
    send_again(bucket, "put_object")
    assert write_if(bucket, "k", b"1", tag=None) == bucket.objects["k"]["ETag"]
    send_again(bucket, "put_object")
    assert write_if(bucket, "k", b"2", tag=bucket.objects["k"]["ETag"]) == bucket.objects["k"]["ETag"]


def test_equal_bytes_of_another_writer_are_not_taken_for_our_own(bucket):
    write_if(bucket, "k", b"1", tag=None)
    assert write_if(bucket, "k", b"1", tag=None) is None


def test_a_server_that_keeps_conditions_passes_and_is_left_as_it_was(bucket):
    check_conditions(bucket, "locks/probe")
    assert (bucket.objects, bucket.uploads) == ({}, {})


@pytest.mark.parametrize(
    ("method", "condition", "said"),
    [
        ("put_object", "IfNoneMatch", "ignores If-None-Match:"),
        ("put_object", "IfMatch", "ignores If-Match:"),
        ("complete_multipart_upload", "IfNoneMatch", "ignores If-None-Match of CompleteMultipartUpload"),
    ],
)
def test_a_server_that_ignores_a_condition_is_refused(bucket, monkeypatch, method, condition, said):
    real = bucket.call

    def call(sent, **arguments):
        kept = {name: value for name, value in arguments.items() if sent != method or name != condition}
        return real(sent, **kept)

    monkeypatch.setattr(bucket, "call", call)
    with pytest.raises(StoreError, match=said):
        check_conditions(bucket, "locks/probe")
    assert bucket.objects == {}


def test_a_conflict_is_asked_again(bucket, monkeypatch):
    monkeypatch.setattr(s3_commits, "CONFLICT_SECONDS", 0)
    refusals = [Conflict(), Conflict()]

    def refuse(method, _):
        if method == "put_object" and refusals:
            raise refusals.pop()

    bucket.before = refuse
    assert write_if(bucket, "k", b"1", tag=None) is not None


def test_conflicts_without_end_are_an_error(bucket, monkeypatch):
    monkeypatch.setattr(s3_commits, "CONFLICT_SECONDS", 0)

    def refuse(method, _):
        raise Conflict

    bucket.before = refuse
    with pytest.raises(StoreError, match="written by others"):
        write_if(bucket, "k", b"1", tag=None)


def test_a_large_file_goes_up_in_parts_and_is_put_together(bucket, large):
    assert upload_if_absent(bucket, "k", large)
    assert bucket.objects["k"]["Body"] == large.read_bytes()
    assert bucket.requests.count("upload_part") == 4
    assert bucket.uploads == {}


def test_a_large_file_that_comes_second_leaves_nothing(bucket, large):
    write_if(bucket, "k", b"first", tag=None)
    assert not upload_if_absent(bucket, "k", large)
    assert bucket.objects["k"]["Body"] == b"first"
    assert bucket.uploads == {}


def test_a_part_that_fails_leaves_nothing(bucket, large):
    fail_after(bucket, "upload_part", StoreError("gone", "wait"))
    with pytest.raises(StoreError, match="gone"):
        upload_if_absent(bucket, "k", large)
    assert bucket.uploads == {}
    assert "k" not in bucket.objects


@pytest.mark.parametrize("answer", [Absent(), Refused()])
def test_a_completion_whose_answer_was_lost_is_known_as_our_own(bucket, large, answer):
    fail_after(bucket, "complete_multipart_upload", answer)
    assert upload_if_absent(bucket, "k", large)
