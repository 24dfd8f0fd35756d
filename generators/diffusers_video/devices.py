"""Which devices there are, without importing torch."""

import os
import shutil
import subprocess
from pathlib import Path

from schemas.diffusers_options import DiffusersOptions

_DRIVER = Path("/proc/driver/nvidia/gpus")


def choose_devices(options: DiffusersOptions) -> tuple[str, ...]:
    """The devices that a recipe renders on, one renderer each: those it names, else every CUDA device, else the CPU."""
    if not isinstance(options.devices, str):
        return options.devices
    return tuple(f"cuda:{index}" for index in range(count_cuda_devices())) or ("cpu",)


def count_cuda_devices() -> int:
    """Number of CUDA devices that this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([name for name in visible.split(",") if name.strip() not in {"", "-1"}])
    if _DRIVER.is_dir():
        return len(list(_DRIVER.iterdir()))
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return 0
    listed = subprocess.run([tool, "--list-gpus"], capture_output=True, text=True, timeout=60, check=False)
    return listed.stdout.count("GPU ") if listed.returncode == 0 else 0
