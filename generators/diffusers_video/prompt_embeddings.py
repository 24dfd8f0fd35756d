"""Prompts as a model reads them: encoded once for each distinct text, kept in the store."""

import inspect
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from generators.diffusers_video.loading import load_text_encoder
from generators.diffusers_video.render_plan import RenderPlan
from schemas.identity import digest
from storage.commits import object_key
from storage.store import Store

if TYPE_CHECKING:
    from torch import Tensor

STAGE = "prompt_embeddings"
_FORM = 1


class PromptEmbeddings:
    """The embeddings of one model's prompts; any process may have its own view of them."""

    def __init__(self, store: Store, plan: RenderPlan) -> None:
        self._store = store
        self._plan = plan
        settings = [plan.fingerprint, plan.settings.dtype, plan.prompt_tokens, list(plan.embeddings), _FORM]
        self._fingerprint = digest(settings)

    def missing(self, texts: Iterable[str]) -> list[str]:
        """Those of ``texts`` that are not encoded yet, each once, in order."""
        return [text for text in dict.fromkeys(texts) if not self._store.exists(self._key(text))]

    def encode(self, texts: Sequence[str], device: str) -> None:
        """Encode ``texts``, one by one so that none depends on its neighbours; the encoder is freed afterwards."""
        pipe = load_text_encoder(self._plan, device)
        try:
            for text in texts:
                self._save(text, self._encode_one(pipe, text, device))
        finally:
            del pipe
            free_memory()

    def load(self, texts: Sequence[str], device: str) -> dict[str, "Tensor"]:
        """The embeddings of ``texts``, by name, stacked along their first axis.

        Raises:
            StoreError: one of them is not encoded.
        """
        import torch
        from safetensors.torch import load

        rows = [load(self._store.read(self._key(text))) for text in texts]
        return {name: torch.cat([row[name] for row in rows]).to(device) for name in self._plan.embeddings}

    def _encode_one(self, pipe: Any, text: str, device: str) -> dict[str, "Tensor"]:
        import torch

        # The call's own default length, which is not always that of `encode_prompt`.
        usual = inspect.signature(type(pipe).__call__).parameters["max_sequence_length"].default
        with torch.no_grad():
            encoded = pipe.encode_prompt(
                prompt=text,
                do_classifier_free_guidance=False,
                num_videos_per_prompt=1,
                max_sequence_length=self._plan.prompt_tokens or usual,
                device=torch.device(device),
            )
        return dict(zip(self._plan.embeddings, encoded, strict=False))

    def _save(self, text: str, tensors: dict[str, "Tensor"]) -> None:
        from safetensors.torch import save

        self._store.put(self._key(text), save({name: value.cpu().contiguous() for name, value in tensors.items()}))

    def _key(self, text: str) -> str:
        return object_key(STAGE, self._fingerprint, digest(text))


def free_memory() -> None:
    """Give memory that nothing holds any more back to the device."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
