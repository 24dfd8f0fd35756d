"""The files that a recipe reads, sent to workers through the store: they need not see our disk.

Files are stored by their content, so weights or footage go there once, however often a recipe is run; what a worker
has fetched stays on its disk, and a recipe that names it is as good as the one that names the file itself.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from annotators.weights import file_sha256
from generators.diffusers_video.inputs import IMAGE_SUFFIXES
from generators.footage_files import VIDEO_SUFFIXES, find_files
from schemas.errors import MediaError, StoreError
from schemas.identity import digest
from schemas.recipe import Recipe
from storage.recipes import replace_inputs
from storage.store import Store

SENT = "sent-input:"


def pack_inputs(recipe: Recipe, store: Store) -> Recipe:
    """``recipe`` with every file and folder of this machine stored, and named by what it holds.

    Raises:
        MediaError: a file cannot be read.
        StoreError: the store is full, or out of reach.
    """

    def pack_name(name: str) -> str:
        path = Path(name).expanduser()
        return _pack(path, _files_below(path), store) if path.exists() else name

    def pack_path(path: Path) -> Path:
        return Path(_pack(path, _footage_below(path), store))

    return replace_inputs(recipe, path=pack_path, name=pack_name)


def unpack_inputs(recipe: Recipe, store: Store) -> Recipe:
    """``recipe`` as :func:`pack_inputs` was given it, with files of this machine; any other recipe as it is.

    Raises:
        StoreError: what was packed is not in this store.
    """

    def unpack(name: str) -> str:
        return _unpack(name.removeprefix(SENT), store) if name.startswith(SENT) else name

    return replace_inputs(recipe, path=lambda path: Path(unpack(str(path))), name=unpack)


def _files_below(path: Path) -> list[Path]:
    """``path``, or the files below it; links in a model's folder lead where its library keeps the files."""
    return [path] if path.is_file() else sorted(inner for inner in path.rglob("*") if inner.is_file())


def _footage_below(path: Path) -> list[Path]:
    """``path``, or the videos and pictures below it: nothing else that lies there, or that a link fetches, travels."""
    return [path] if path.is_file() else find_files(path, (*VIDEO_SUFFIXES, *IMAGE_SUFFIXES))


def _pack(path: Path, files: Sequence[Path], store: Store) -> str:
    """Store ``files``, which are ``path`` or lie below it; a name that ends as the path's own does."""
    held = {}
    for file in files:
        try:
            sha256 = file_sha256(file)
        except OSError as fault:
            raise MediaError(f"{file}: cannot be read: {fault.strerror}.", "Check the file's permissions.") from None
        store.put_file(_file_key(sha256), file)
        held[file.relative_to(path.parent).as_posix()] = sha256
    name = digest([path.name, held])
    store.put(_list_key(name), json.dumps(held).encode())
    return f"{SENT}{name}/{path.name}"


def _unpack(name: str, store: Store) -> str:
    """A file or folder of this machine with what was stored under ``name``; made once for all its processes."""
    listed, _, own_name = name.partition("/")
    folder = store.root / "inputs" / listed
    if not folder.is_dir():
        held = json.loads(store.read(_list_key(listed)))
        with store.scratch("inputs") as scratch:
            making = scratch / listed
            making.mkdir()
            if any(".." in Path(relative).parts or Path(relative).is_absolute() for relative in held):
                raise StoreError(f"{store.where(_list_key(listed))} names files outside it.", "It is damaged.")
            for relative, file in zip(held, store.paths([_file_key(sha256) for sha256 in held.values()]), strict=True):
                (making / relative).parent.mkdir(parents=True, exist_ok=True)
                _link_or_copy(file, making / relative)
            folder.parent.mkdir(exist_ok=True)
            try:
                making.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was faster
                    raise
    return str(folder / own_name)


def _link_or_copy(source: Path, file: Path) -> None:
    try:
        file.hardlink_to(source)
    except OSError:  # another filesystem, or one without links
        shutil.copyfile(source, file)


def _file_key(sha256: str) -> str:
    return f"files/{sha256[:2]}/{sha256}"


def _list_key(name: str) -> str:
    return f"objects/inputs/1/{name}"
