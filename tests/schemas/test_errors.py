import pickle

import pytest

from schemas import errors
from schemas.closest import closest_hint
from schemas.errors import FramefoundryError, MediaError, RecipeError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FramefoundryError)]


def test_every_branch_has_an_exit_code_of_its_own():
    codes = [kind.exit_code for kind in KINDS]
    assert len(set(codes)) == len(codes)
    assert 0 not in codes


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_crosses_process_borders_whole(kind):
    fault = pickle.loads(pickle.dumps(kind("clip.mp4: broken.", "Render it again.")))
    assert type(fault) is kind
    assert (fault.message, fault.hint) == ("clip.mp4: broken.", "Render it again.")
    assert str(fault) == "clip.mp4: broken. Render it again."


def test_a_hint_may_be_absent():
    assert str(MediaError("broken.")) == "broken."
    assert RecipeError("x").hint == ""


@pytest.mark.parametrize(
    ("given", "allowed", "hint"),
    [
        ("stret", ["street", "road"], "; did you mean 'street'?"),
        ("zzz", ["street", "road"], "; allowed: street, road"),
        ("zzz", [], ""),
    ],
)
def test_the_nearest_name_is_given_or_all(given, allowed, hint):
    assert closest_hint(given, allowed) == hint
