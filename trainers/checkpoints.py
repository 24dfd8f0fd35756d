"""Make a checkpoint fit to be kept and shared: small, and silent about the machine that it was trained on."""

from pathlib import Path
from typing import Any

from schemas.errors import EnvironmentFault

# Settings that name files or folders of the training machine; ultralytics fills absent ones with its defaults.
LOCAL_SETTINGS = ("data", "model", "name", "project", "save_dir", "resume", "pretrained", "device", "cfg")
LICENCE = "AGPL-3.0 (https://ultralytics.com/license)"


def strip_checkpoint(source: Path, target: Path) -> None:
    """Write the averaged weights of a training checkpoint, in half precision, without optimizer, dates and paths.

    Raises:
        EnvironmentFault: ``source`` is not a checkpoint of an ultralytics training.
    """
    import torch
    from ultralytics.utils.patches import torch_load

    checkpoint = torch_load(source, map_location="cpu")
    model = checkpoint.get("ema") or checkpoint.get("model") if isinstance(checkpoint, dict) else None
    if not isinstance(model, torch.nn.Module):
        raise EnvironmentFault(f"{source} holds no trained detector.", "Give a .pt file that ultralytics wrote.")
    settings = {key: value for key, value in checkpoint.get("train_args", {}).items() if key not in LOCAL_SETTINGS}
    model = _detach(model, settings)
    target.parent.mkdir(parents=True, exist_ok=True)
    torch.save(
        {
            "model": model,
            "train_args": settings,
            "epoch": -1,
            "version": checkpoint.get("version"),
            "license": LICENCE,
        },
        target,
    )


def _detach(model: Any, settings: dict[str, Any]) -> Any:
    model = model.half()
    model.criterion = None
    model.args = dict(settings)
    if hasattr(model, "pt_path"):
        del model.pt_path
    for parameter in model.parameters():
        parameter.requires_grad = False
    return model
