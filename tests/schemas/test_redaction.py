import pytest

from schemas.errors import EnvironmentFault
from schemas.redaction import without_login


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mongodb://ann:s3cret@db:27017/x does not answer", "mongodb://***@db:27017/x does not answer"),
        ("mongodb+srv://ann:s3@cret@db, http://b:c@d/e", "mongodb+srv://***@db, http://***@d/e"),
        ("postgresql+asyncpg://:s3cret@db", "postgresql+asyncpg://***@db"),
        ("HTTPS://token@host/api", "HTTPS://***@host/api"),
        ("s3://bucket/a@b and c@d", "s3://bucket/a@b and c@d"),
        ("street@4f1 at /data/a:b@c", "street@4f1 at /data/a:b@c"),
    ],
)
def test_logins_are_taken_out_of_addresses_and_nothing_else(text, shown):
    assert without_login(text) == shown


def test_no_fault_of_ours_shows_a_login():
    fault = EnvironmentFault("mongodb://ann:s3cret@db does not answer.", "Start http://ann:s3cret@db.")
    assert "s3cret" not in f"{fault} {fault.message} {fault.hint} {fault!r} {fault.args}"
