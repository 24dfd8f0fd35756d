"""Calls that turn data into code do not occur in the rooms."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
ROOMS = (
    *("schemas", "storage", "evaluators", "generators", "annotators"),
    *("curators", "publishers", "trainers", "flows", "cli"),
)
NEVER = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen"),
    *("yaml.load", "yaml.unsafe_load", "yaml.full_load", "marshal.load", "marshal.loads", "torch.hub.load"),
    *("pickle.load", "pickle.loads", "pickle.Unpickler", "joblib.load", "dill.load", "dill.loads", "shelve.open"),
    *("subprocess.getoutput", "subprocess.getstatusoutput"),
}
SAFE_ARGUMENT = {"torch.load": ("weights_only", True)}
DANGEROUS_ARGUMENTS = {"shell": True, "allow_pickle": True, "trust_remote_code": True, "weights_only": False}


def find_dangers(source: str) -> list[str]:
    """Calls in ``source`` that could run what they are given, each with its line."""
    found = []
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        arguments = {word.arg: word.value.value for word in call.keywords if isinstance(word.value, ast.Constant)}
        dangers = [f"{word}={value}" for word, value in DANGEROUS_ARGUMENTS.items() if arguments.get(word) is value]
        if name in SAFE_ARGUMENT:
            word, value = SAFE_ARGUMENT[name]
            dangers += [f"{word} is not {value}"] if arguments.get(word) is not value else []
        if name.startswith("subprocess.") and call.args and isinstance(call.args[0], ast.Constant | ast.JoinedStr):
            dangers.append("a command in one text")
        found += [f"line {call.lineno}: {name} {danger}" for danger in dangers]
        found += [f"line {call.lineno}: {name}"] if name in NEVER else []
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_turns_data_into_code(room):
    files = sorted((PROJECT / room).rglob("*.py"))
    assert files
    dangers = {str(file.relative_to(PROJECT)): find_dangers(file.read_text(encoding="utf-8")) for file in files}
    assert {file: found for file, found in dangers.items() if found} == {}


@pytest.mark.parametrize(
    "call",
    [
        "eval(text)", "yaml.load(text)", "pickle.loads(data)", "torch.load(path)", "torch.load(x, weights_only=False)",
        "np.load(path, allow_pickle=True)", "subprocess.run(command, shell=True)", "subprocess.run('rm -r x')",
        "subprocess.Popen(f'rm {x}')", "os.system(x)", "Auto.from_pretrained(x, trust_remote_code=True)",
    ],
)  # fmt: skip
def test_the_search_finds_each_of_them(call):
    assert find_dangers(f"def f():\n    return {call}")


def test_the_search_lets_pass_what_is_safe():
    assert not find_dangers("yaml.safe_load(x); torch.load(x, weights_only=True); subprocess.run(['ls'], check=True)")
