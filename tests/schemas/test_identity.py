import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas.identity
from schemas.identity import canonical_json, digest, stable_fraction, stable_seed

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def test_names_are_those_of_the_first_version():
    """Golden: a change here gives every stored clip and label another name."""
    assert canonical_json({"b": [1, 2.5, None], "a": "ü"}) == '{"a":"ü","b":[1,2.5,null]}'.encode()
    assert digest({"b": [1, 2.5, None], "a": "ü"}) == "91ff63a7ddb19a1b9c7a2e722d40ba9b"
    assert digest("clip", 8) == "3680ae16"
    assert stable_seed(7, "a red car", 0) == 8312841229445226377
    assert stable_fraction(7, "family") == 0.08433109711410325


def test_names_do_not_depend_on_the_process():
    """Python's own hash of a string does."""
    command = "from schemas.identity import digest, stable_seed; print(digest({'a': 1}), stable_seed('x'))"
    told = {
        subprocess.run(
            [sys.executable, "-c", command],
            cwd=Path(schemas.identity.__file__).parents[1],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert told == {f"{digest({'a': 1})} {stable_seed('x')}\n"}


@given(JSON)
def test_canonical_json_reads_back_equal(value):
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(), JSON, max_size=6), st.randoms())
def test_the_order_of_keys_does_not_matter(value, random):
    items = list(value.items())
    random.shuffle(items)
    assert digest(dict(items)) == digest(value)


@given(JSON, JSON)
def test_different_values_have_different_names(a, b):
    assert (digest(a) == digest(b)) == (canonical_json(a) == canonical_json(b))


@given(st.lists(JSON, max_size=4))
def test_seeds_and_fractions_lie_in_their_ranges(parts):
    seed, fraction = stable_seed(*parts), stable_fraction(*parts)
    assert 0 <= seed < 2**63
    assert 0 <= fraction < 1
    assert stable_seed(*parts) == seed


def test_the_largest_seed_is_still_below_one(monkeypatch):
    monkeypatch.setattr(schemas.identity, "stable_seed", lambda *parts: 2**63 - 1)
    assert stable_fraction("x") < 1


def test_seeds_are_spread_evenly():
    fractions = [stable_fraction("spread", number) for number in range(4000)]
    assert abs(sum(fractions) / 4000 - 0.5) < 0.02
    counts = [sum(low <= fraction < low + 0.1 for fraction in fractions) for low in (0, 0.3, 0.9)]
    assert all(330 < count < 470 for count in counts)


def test_parts_are_not_run_together():
    assert stable_seed("ab", "c") != stable_seed("a", "bc")
    assert stable_seed(1, 2) != stable_seed([1, 2])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, [math.nan]])
def test_what_has_no_stable_text_is_refused(value):
    with pytest.raises(ValueError, match="JSON compliant"):
        digest(value)


@pytest.mark.parametrize("value", [object(), {1, 2}, b"x", Path("x")])
def test_what_json_does_not_know_is_refused(value):
    with pytest.raises(TypeError):
        digest(value)


@pytest.mark.parametrize("length", [1, 16, 64])
def test_digests_have_the_length_asked_for(length):
    assert len(digest("x", length)) == length
    assert digest("x", 64).startswith(digest("x", length))
