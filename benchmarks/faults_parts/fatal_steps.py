"""A child process that kills itself (SIGKILL) at the n-th step of an action: before, within or after a system call.

The calls are those by which a store changes: files and folders made, written, synced, linked, renamed, removed; of a
store in a bucket, the requests that change it. They are replaced in the child only, which is a fork: call from a
process without threads.
"""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

_REQUESTS = (
    "put_object", "delete_object", "create_multipart_upload", "upload_part", "complete_multipart_upload",
    "abort_multipart_upload",
)  # fmt: skip
_CALLS = ("fsync", "link", "mkdir", "rename", "replace", "rmdir", "unlink")

Reach = Callable[[str], None]
Watch = Callable[[Reach], None]


def list_steps(action: Callable[[], None], watch: Watch, notes: Path) -> list[str]:
    """Names of the steps of ``action`` in order, such as ``before fsync``; it is carried out, undisturbed."""
    with notes.open("w", encoding="utf-8", buffering=1) as file:
        status = _in_child(action, watch, lambda step: print(step, file=file))
    if status != 0:
        raise RuntimeError(f"the undisturbed action ended with status {status}")
    return notes.read_text(encoding="utf-8").splitlines()


def kill_at(number: int, action: Callable[[], None], watch: Watch) -> bool:
    """Carry out ``action``, killed at step ``number``, from 0; False if it finished before."""
    left = number

    def reach(_step: str) -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    status = _in_child(action, watch, reach)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True
    if status != 0:
        raise RuntimeError(f"the action failed by itself, with status {status}")
    return False


def run_in_child(action: Callable[[], None], watch: Watch) -> bool:
    """Carry out ``action`` undisturbed, in a process of its own as a restart is; whether it finished."""
    return _in_child(action, watch, lambda _step: None) == 0


def watch_disk(reach: Reach) -> None:
    """Have ``reach`` told of every system call by which this process changes files, from now on."""
    for name in _CALLS:
        setattr(os, name, _around(name, getattr(os, name), reach))
    os.open = _around_creation(os.open, reach)
    os.write = _around_write(os.write, reach)
    shutil.copyfileobj = _around_copy(reach)


def watch_requests(reach: Reach) -> None:
    """Have ``reach`` told of every request by which this process changes a bucket, from now on."""
    from storage.s3_client import Bucket

    send = Bucket.call

    def watched(bucket: Bucket, method: str, **arguments: Any) -> Any:
        if method not in _REQUESTS:
            return send(bucket, method, **arguments)
        return _around(method, send, reach)(bucket, method, **arguments)

    Bucket.call = watched  # type: ignore[method-assign]


def _in_child(action: Callable[[], None], watch: Watch, reach: Reach) -> int:
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    status = 1
    try:
        watch(reach)
        action()
        status = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)  # never back into the caller's code
    return status


def _around(name: str, call: Callable[..., Any], reach: Reach) -> Callable[..., Any]:
    def watched(*arguments: Any, **options: Any) -> Any:
        reach(f"before {name}")
        answer = call(*arguments, **options)
        reach(f"after {name}")
        return answer

    return watched


def _around_creation(call: Callable[..., int], reach: Reach) -> Any:
    creating = _around("create", call, reach)

    def watched(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        return (creating if flags & os.O_CREAT else call)(path, flags, *arguments, **options)

    return watched


def _around_write(call: Callable[[int, Any], int], reach: Reach) -> Any:
    """The bytes go out in two halves, so that a kill can find one of them written."""

    def watched(descriptor: int, data: Any) -> int:
        whole = bytes(data)
        half = len(whole) // 2
        reach("before write")
        written = call(descriptor, whole[:half])
        reach("half way through write")
        written += call(descriptor, whole[half:])
        reach("after write")
        return written

    return watched


def _around_copy(reach: Reach) -> Any:
    def watched(reader: Any, writer: Any, _length: int = 0) -> None:
        data = reader.read()
        reach("before write")
        writer.write(data[: len(data) // 2])
        writer.flush()
        reach("half way through write")
        writer.write(data[len(data) // 2 :])
        writer.flush()
        reach("after write")

    return watched
