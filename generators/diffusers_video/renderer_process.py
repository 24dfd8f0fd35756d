"""A renderer in a process of its own: loads its model once, renders batches until told to end or left alone."""

import os
import signal
import threading
from typing import Any

from generators.diffusers_video.messages import Answer, Batch, Event, Fault, Ready, RendererStart
from generators.diffusers_video.render_plan import RenderPlan
from schemas.errors import EnvironmentFault, FramefoundryError
from storage.processes import end_with_parent

_DEVICE_LOST = 70


def serve_batches(pipe: Any, plan: RenderPlan, start: RendererStart) -> None:
    """Main function of a renderer process; ``pipe`` is its end of a connection to the generator.

    It is sent ``Batch`` objects, and None to end; it sends ``Answer`` objects, from two threads.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt goes to the whole group; the parent decides
    end_with_parent()
    lock = threading.Lock()

    def tell(answer: Answer) -> None:
        with lock:
            pipe.send(answer)

    try:
        _serve(pipe, plan, start, tell)
    except (EOFError, BrokenPipeError):
        return
    except FramefoundryError as fault:
        tell(Fault(fault))
    except Exception as fault:
        from generators.diffusers_video.memory_ladder import is_out_of_memory

        hint = "Choose `profile: low-memory`, or a smaller model." if is_out_of_memory(fault) else ""
        tell(Fault(EnvironmentFault(f"{start.device}: {plan.model}: {type(fault).__name__}: {fault}", hint)))


def _serve(pipe: Any, plan: RenderPlan, start: RendererStart, tell: Any) -> None:
    _prepare_torch(start)
    from generators.diffusers_video.prompt_embeddings import PromptEmbeddings
    from generators.diffusers_video.renderer import Renderer
    from storage.store import Store

    embeddings = PromptEmbeddings(Store.open(start.store), plan) if plan.embeddings else None
    missing = embeddings.missing(start.prompts) if embeddings else []
    if embeddings and missing:
        embeddings.encode(missing, start.device)
        tell(Event(f"{start.device}: encoded {len(missing)} prompts"))
    if start.device == "cpu" and plan.settings.offload != "none":
        tell(Event(f"cpu: offload {plan.settings.offload!r} has no meaning here and is left out"))
    # A device that is lost cannot be used again by this process; the pool starts another.
    renderer = Renderer(plan, start.device, embeddings, tell, crashed=lambda: os._exit(_DEVICE_LOST))
    tell(Ready())
    while (batch := pipe.recv()) is not None:
        assert isinstance(batch, Batch)
        renderer.render(batch.tasks)
        tell(Ready())
    renderer.close()


def _prepare_torch(start: RendererStart) -> None:
    import torch

    if start.device == "cpu":
        # Results shift between thread counts, and a second thread of a small model costs more than it gives.
        torch.set_num_threads(1)
        return
    if not torch.cuda.is_available():
        raise EnvironmentFault(
            f"generator.devices: {start.device} is asked for, and torch {torch.__version__} sees no CUDA device.",
            "Check the driver (`nvidia-smi`), or render on the cpu.",
        )
    index = torch.device(start.device).index or 0
    if index >= torch.cuda.device_count():
        raise EnvironmentFault(
            f"generator.devices: {start.device} does not exist; this machine has {torch.cuda.device_count()}.",
            "Correct the recipe.",
        )
    torch.cuda.set_device(index)
    total = torch.cuda.get_device_properties(index).total_memory / 1e9
    if start.memory_left_gb >= total:
        raise EnvironmentFault(
            f"generator.labelling_memory_gb: {start.memory_left_gb:g} of {total:.0f} GB leave nothing to render with.",
            "Lower it, or choose `labelling: wait`.",
        )
    if start.memory_left_gb:
        torch.cuda.set_per_process_memory_fraction(1 - start.memory_left_gb / total, index)
