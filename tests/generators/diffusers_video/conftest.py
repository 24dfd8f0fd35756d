"""Tiny real pipelines, built once, and shorthand to render with them in this process."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # stand_in_renderers

from generators.diffusers_video import tiny_pipelines
from generators.diffusers_video.messages import ClipTask, Done, GivenUp, Spoiled
from generators.diffusers_video.model_files import locate_model
from generators.diffusers_video.render_plan import make_plan
from schemas.diffusers_options import DiffusersOptions
from schemas.recipe import ClipOptions
from schemas.records import ClipJob, Scenario


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)  # two contended threads are twenty times slower here
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Folder of a tiny model by its name, one of ``makers``; built at its first use."""
    root = tmp_path_factory.mktemp("models")
    makers = {
        "wan": tiny_pipelines.save_wan,
        "wan-i2v": lambda folder: tiny_pipelines.save_wan(folder, first_frame=True),
        "wan-both": lambda folder: tiny_pipelines.save_wan(folder, both=True),
        "ltx": tiny_pipelines.save_ltx,
        "cogvideox": tiny_pipelines.save_cogvideox,
        "sana": tiny_pipelines.save_sana,
        "mochi": tiny_pipelines.save_mochi,
    }

    def find(name: str) -> Path:
        folder = root / name
        return folder if folder.is_dir() else makers[name](folder)

    return find


@pytest.fixture(scope="session")
def plan_of(models):
    """The plan for a tiny model: two steps of float32 on the CPU, unless said otherwise."""

    def make(name: str, clip: ClipOptions = tiny_pipelines.SMALL, **options):
        given = {"steps": 2, "dtype": "float32", "devices": "cpu", **options}
        asked = DiffusersOptions(model=str(models(name)), **given)
        return make_plan(asked, clip, locate_model(asked))

    return make


@pytest.fixture(scope="session")
def embeddings_of(tmp_path_factory):
    from generators.diffusers_video.prompt_embeddings import PromptEmbeddings
    from storage.store import Store

    store = Store.open(tmp_path_factory.mktemp("embeddings") / "store")

    def find(plan, tasks):
        kept = PromptEmbeddings(store, plan)
        texts = [text for task in tasks for text in (task.job.scenario.prompt, task.job.scenario.negative_prompt)]
        if missing := kept.missing(texts):
            kept.encode(missing, "cpu")
        return kept

    return find


@pytest.fixture
def tasks_of(tmp_path):
    """Tasks with the given prompts; seeds count from 1."""

    def make(*prompts: str, sources=None, negative: str = "fog"):
        made = []
        for index, prompt in enumerate(prompts):
            scenario = Scenario(f"s{index}", prompt, negative_prompt=negative, seed=index + 1)
            source = sources[index] if sources else None
            made.append(ClipTask(ClipJob(f"clip{index}", scenario), tmp_path / f"clip{index}.mp4", 18, source))
        return made

    return make


@pytest.fixture
def render(embeddings_of):
    """Render tasks in this process; answers by clip, and the renderer."""

    def run(plan, tasks, *, change=None, **renderer_options):
        from generators.diffusers_video.renderer import Renderer

        said = []
        kept = embeddings_of(plan, tasks) if plan.embeddings else None
        renderer = Renderer(plan, "cpu", kept, said.append, **renderer_options)
        if change is not None:
            change(renderer)
        renderer.render(tasks)
        renderer.drain()
        renderer.close()
        answers = {answer.clip_id: answer for answer in said if isinstance(answer, Done | GivenUp | Spoiled)}
        return answers, said, renderer

    return run


@pytest.fixture
def latents_of(embeddings_of):
    """The latents, as handed to the VAE, of tasks denoised together."""

    def run(plan, tasks, pipe=None):
        from generators.diffusers_video.denoising import Denoiser
        from generators.diffusers_video.loading import load_renderer

        kept = embeddings_of(plan, tasks) if plan.embeddings else None
        batch = Denoiser(pipe or load_renderer(plan, "cpu"), plan, "cpu", kept).denoise(tasks)
        return batch.decode.args[0]

    return run
