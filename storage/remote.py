"""A store in a bucket: its address, its mark, and the folder that it has on this machine."""

import os
import re
import secrets
from pathlib import Path

from schemas.errors import StoreError
from schemas.identity import digest
from storage.disk_faults import explain_disk_faults
from storage.keys import check_key
from storage.local_objects import LOCKS, TMP
from storage.marks import MARK, new_mark, read_mark
from storage.s3_client import Bucket
from storage.s3_commits import check_conditions, write_if
from storage.s3_objects import S3Objects

CACHE_VARIABLE = "FRAMEFOUNDRY_CACHE"

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_STORE_ID = re.compile(r"[0-9a-f]{32}")


def parse_address(address: str) -> tuple[str, str]:
    """Bucket and prefix of ``s3://bucket/prefix``; the prefix is empty or ends in a slash.

    Raises:
        StoreError: anything else. What may be a password is not repeated.
    """
    scheme, _, rest = address.partition("://")
    bucket, _, path = rest.partition("/")
    if scheme != "s3":
        raise StoreError(f"a store cannot lie at {scheme}://.", "Give a path, or s3://bucket/prefix.")
    if not _BUCKET.fullmatch(bucket):
        raise StoreError(
            "the store's address names no bucket: 3 to 63 lower-case letters, digits, dots and hyphens.",
            "Give s3://bucket/prefix; credentials belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        )
    prefix = path.strip("/")
    return bucket, f"{check_key(prefix)}/" if prefix else ""


def remote_objects(address: str, home: Path) -> S3Objects:
    """The objects of the store at ``address``, with their copies below ``home``."""
    bucket, prefix = parse_address(address)
    return S3Objects(Bucket(bucket), prefix, home)


def find_home(address: str) -> Path | None:
    """The folder on this machine of the store at ``address``, made if need be; None where there is no such store.

    Raises:
        StoreError: not an address; its bucket is absent or out of reach; not a store of this version.
    """
    objects = remote_objects(address, Path())
    found = objects.read_with_tag(MARK)
    return None if found is None else home_for(address, read_mark(found[0], objects.where(MARK)).get("store_id"))


def create_store(address: str) -> Path:
    """Make a store at ``address``, unless somebody is doing so; its folder on this machine.

    Raises:
        StoreError: there are other things at that address, or see :func:`find_home`.
    """
    objects = remote_objects(address, Path())
    page = next(objects.pages(objects.prefix, MaxKeys=3, Delimiter="/"))
    names = [str(one["Key"]) for one in page.get("Contents", ())]
    names += [str(one["Prefix"]) for one in page.get("CommonPrefixes", ())]
    foreign = sorted({name.removeprefix(objects.prefix) for name in names} - {"", MARK, f"{LOCKS}/"})
    if foreign and objects.read_with_tag(MARK) is None:  # else another process has just created and used it
        raise StoreError(
            f"{address} is not a Framefoundry store: it holds {foreign[0]!r}.", "Point --store at an empty prefix."
        )
    check_conditions(objects.bucket, f"{objects.prefix}{LOCKS}/{secrets.token_hex(16)}")
    # A new store at an old address has a name of its own, so that copies of the old one are not taken for its.
    write_if(objects.bucket, objects.name(MARK), new_mark(store_id=secrets.token_hex(16)), tag=None)
    home = find_home(address)
    if home is None:
        raise StoreError(f"{address} was removed while it was being made.", "Run again.")
    return home


def home_for(address: str, store_id: object = None) -> Path:
    """The folder on this machine for a store's copies, scratch, locks and databases; it is made if need be.

    Args:
        address: of the store.
        store_id: what its mark calls it; a store without is known by its address.

    Raises:
        StoreError: the folder cannot be made.
    """
    known = isinstance(store_id, str) and _STORE_ID.fullmatch(store_id)
    name = str(store_id) if known else digest([address, os.environ.get("AWS_ENDPOINT_URL", "")])
    home = cache_folder() / "stores" / name
    with explain_disk_faults(home, "making the folder of a remote store"):
        home.parent.mkdir(parents=True, exist_ok=True)
        home.mkdir(mode=0o700, exist_ok=True)  # the bucket's owner let us in, not everybody on this machine
        for folder in (TMP, LOCKS, "cache"):
            (home / folder).mkdir(exist_ok=True)
    return home.resolve()


def cache_folder() -> Path:
    """``FRAMEFOUNDRY_CACHE``, or the user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "framefoundry"
