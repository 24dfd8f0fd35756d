import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import StoreError
from storage.keys import MAX_KEY_LENGTH, MAX_PART_LENGTH, check_key, locate

GOOD = ["a", "media/ab/abcd.mp4", "objects/render/v1/0123", "datasets/street-night/LATEST", "_x/y=1/z@2+3"]
BAD = [
    "",
    "/",
    "/etc/passwd",
    "a/",
    "/a",
    "a//b",
    "..",
    "../a",
    "a/../b",
    "a/..",
    ".",
    "a/./b",
    ".hidden",
    "a/.hidden",
    "a b",
    "a\\b",
    "a\x00b",
    "a\nb",
    "a\n",
    "é",
    "~root",
    "C:/x",
    "a:b",
    "-rf",
    "tmp/x",
    "tmp",
    "locks/x",
    "x" * (MAX_PART_LENGTH + 1),
    "x/" * (MAX_KEY_LENGTH // 2) + "xx",
]


@pytest.mark.parametrize("key", GOOD)
def test_a_plain_key_is_taken_as_it_is(key):
    assert check_key(key) == key


@pytest.mark.parametrize("key", BAD)
def test_what_is_no_key_is_refused(key):
    with pytest.raises(StoreError):
        check_key(key)


@pytest.mark.parametrize("key", ["../x", "/abs", "a\x00b", "x" * 300, "tmp/x"])
def test_a_refused_key_touches_nothing_on_disk(store, file_tree, key):
    before = file_tree(store.root)
    for use in (store.exists, store.read, store.path, lambda key: store.put(key, b"x"), store.read_pointer):
        with pytest.raises(StoreError):
            use(key)
    with pytest.raises(StoreError):
        store.swap_pointer(key, None, "x")
    assert file_tree(store.root) == before


_texts = st.one_of(
    st.text(max_size=30),
    st.lists(st.sampled_from(["..", ".", "", "a", "b.mp4", "\x00", "/", "tmp", "~", "a b"]), max_size=6).map("/".join),
)


@given(_texts)
def test_any_text_is_refused_or_stays_below_the_root(tmp_path_factory, text):
    root = tmp_path_factory.getbasetemp().resolve()
    try:
        path = locate(root, text)
    except StoreError:
        return
    assert path.is_relative_to(root)
    assert path != root
    assert path.relative_to(root).as_posix() == text


def test_a_link_that_leads_out_of_the_store_is_refused(store, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (store.root / "media").symlink_to(outside)
    with pytest.raises(StoreError, match="out of the store"):
        store.read("media/secret")
    with pytest.raises(StoreError, match="out of the store"):
        store.put("media/new", b"x")
    assert not (outside / "new").exists()


def test_a_link_in_place_of_an_object_is_neither_read_nor_replaced(store, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    store.put("media/a", b"a")
    (store.root / "media" / "b").symlink_to(secret)
    with pytest.raises(StoreError, match="out of the store"):
        store.read("media/b")
    with pytest.raises(StoreError, match="out of the store"):
        store.put("media/b", b"x")
    assert secret.read_bytes() == b"secret"


def test_links_in_a_circle_are_refused(store):
    (store.root / "media").symlink_to(store.root / "media")
    with pytest.raises(StoreError):
        store.put("media/x", b"x")
