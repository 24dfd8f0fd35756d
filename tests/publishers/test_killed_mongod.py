import os
import signal

import psutil
import pytest
from publishers_inputs import STREET_BOXES, commit_clips, make_recipe, make_rows

from publishers import publish as publishing
from publishers.fiftyone_session import read_shown_versions
from publishers.mongod import find_mongod_process, hold_mongod
from publishers.publish import publish
from schemas.errors import EnvironmentFault
from storage.datasets import current_version, list_datasets
from storage.store import Store


@pytest.mark.slow
def test_a_mongod_killed_while_a_version_is_shown_publishes_nothing_and_the_next_try_does(
    database, rows, tmp_path, monkeypatch
):
    store = Store.open(tmp_path / "store")
    commit_clips(store, rows)
    recipe = make_recipe(publish={"parquet": {}, "fiftyone": {}})
    first = publish(store, recipe, rows, annotator_fingerprint="f")
    fewer = make_rows(STREET_BOXES[1:])
    push = publishing.push_dataset

    def push_to_the_dead(*arguments, **options):
        process = find_mongod_process(store.root / "fiftyone")
        os.kill(process.pid, signal.SIGKILL)
        psutil.wait_procs([process], timeout=20)
        return push(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "push_dataset", push_to_the_dead)
        with pytest.raises(EnvironmentFault, match="does not answer"):
            publish(store, recipe, fewer, annotator_fingerprint="f")
    assert current_version(store, "street") == first.version
    assert [found.version for found in list_datasets(store)] == [first.version]

    second = publish(store, recipe, fewer, annotator_fingerprint="f")
    assert second.is_new
    assert current_version(store, "street") == second.version
    with hold_mongod(store.root / "fiftyone") as uri:
        assert read_shown_versions(uri) == {"street": second.version}
