"""Child processes that write to the store must not outlive the one that started them."""

import os
import threading
from multiprocessing import connection, parent_process


def end_with_parent() -> None:
    """End this process when its parent does, however that came about: a kernel that hangs must not outlive the run."""
    parent = parent_process()
    if parent is None:
        return

    def wait() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=wait, name="end-with-parent", daemon=True).start()
