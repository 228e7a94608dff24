"""The rules of the house, held by walking the syntax tree of every module."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from checkout import MACHINE_PATH, git, machine_paths
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]

# From the ground up. A part imports only from lower rows; parts of one row know nothing of each
# other. A part is a module or a package directly under jasco/, or one module of jasco/data/.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("io",),
    ("aliases", "control_value", "device", "notices", "played", "text", "workers"),
    ("config",),
    ("runs",),
    ("audio", "chords", "encodec", "flow", "melody", "t5"),
    ("charts", "controls", "drums"),
    ("conditions",),
    ("session",),
    ("codec", "data.track_file", "generation", "network", "recipe"),
    ("checkpoint", "conditioners", "extract"),  # drums are encoded below the model
    ("adapters", "song"),
    ("data.dropout", "data.manifest", "data.prepared", "metrics", "model"),
    ("adherence", "data.clips", "data.raw", "data.sampler", "embeddings"),
    ("data.resumable",),
    ("data.datamodule", "data.latent_segments", "data.segments", "prepare"),
    ("band",),
    ("audiocraft", "diffusion", "evaluation", "pipeline", "training"),
    ("serving", "studio"),
    ("cli",),
)
RANK = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}

# Packages that live in a few rooms only.
ROOMS: dict[str, tuple[str, ...]] = {
    "hydra": ("checkpoint", "cli", "config"),
    "omegaconf": ("checkpoint", "cli", "config"),
    "lightning": (
        "data.datamodule",
        "data.latent_segments",
        "data.resumable",
        "data.segments",
        "evaluation",
        "training",
    ),
    "mcp": ("cli", "serving"),
    "soundfile": ("audio",),
    **dict.fromkeys(
        ("fastapi", "prometheus_client", "starlette", "uvicorn"), ("serving", "studio")
    ),
}
UNSAFE_MODULES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
UNSAFE_CALLS = {"eval", "exec", "os.popen", "os.system"}
MAX_LINES = 400


@dataclass(frozen=True)
class Module:
    """A Python file: its dotted name below ``jasco`` (empty for the package itself), its source."""

    name: str
    source: str
    is_package: bool = False

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @property
    def part(self) -> str:
        return part_of(self.name)


def part_of(name: str) -> str:
    return ".".join(name.split(".")[: 2 if name.startswith("data.") else 1])


def modules() -> Iterator[Module]:
    for path in sorted((ROOT / "jasco").rglob("*.py")):
        parts = path.relative_to(ROOT / "jasco").with_suffix("").parts
        is_package = parts[-1] == "__init__"
        yield Module(".".join(parts[:-1] if is_package else parts), path.read_text(), is_package)


def imports(module: Module, tree: ast.AST | None = None) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of everything a module imports, at any depth."""
    package = ["jasco", *filter(None, module.name.split("."))]
    if not module.is_package:
        package = package[:-1]
    for node in ast.walk(tree or module.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *filter(None, [node.module])])
            yield from ((node.lineno, f"{stem}.{alias.name}") for alias in node.names)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports_at_start(module: Module) -> Iterator[tuple[int, str]]:
    """The imports that run when the module itself is imported."""
    todo: list[ast.AST] = list(module.tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from imports(module, node)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            todo += [] if is_type_checking(node) else list(ast.iter_child_nodes(node))


@cache
def optional_packages() -> frozenset[str]:
    """Import names of the packages that only extras bring, as far as they are installed here."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    wanted = {Requirement(r).name.lower().replace("_", "-") for rs in extras.values() for r in rs}
    wanted.discard("jasco")  # the extra `all` names those of this package
    known = {"demucs", "gradio", "matplotlib", "mir_eval", "ray", "tensorboard", "vamp", "wandb"}
    return frozenset(known) | {
        name
        for name, distributions in packages_distributions().items()
        if {d.lower().replace("_", "-") for d in distributions} & wanted
    }


def breaks_layers(module: Module) -> Iterator[str]:
    if not module.name:
        return  # jasco/__init__.py gathers names from everywhere
    if module.part not in RANK and module.name != "data":
        yield f"1: part {module.part!r} has no layer"
        return
    for line, name in imports(module):
        top, _, inner = name.partition(".")
        if top != "jasco":
            continue
        part = part_of(inner)
        if part == module.part:
            continue
        if part not in RANK:
            if module.part != "cli":
                yield f"{line}: {name} comes through the top of the package"
        elif RANK[part] >= RANK[module.part]:
            yield f"{line}: {module.part} imports {part}, which is not below it"


def leaves_its_room(module: Module) -> Iterator[str]:
    for line, name in imports(module):
        package = name.partition(".")[0]
        if module.part not in ROOMS.get(package, (module.part,)):
            yield f"{line}: {package} belongs to {', '.join(ROOMS[package])}"


def imports_optional_at_start(module: Module) -> Iterator[str]:
    for line, name in imports_at_start(module):
        package = name.partition(".")[0]
        if package in optional_packages() and module.part not in ROOMS.get(package, ()):
            yield f"{line}: {package} is optional; import it in the function that needs it"


def is_unsafe(module: Module) -> Iterator[str]:
    for line, name in imports(module):
        if name.partition(".")[0] in UNSAFE_MODULES:
            yield f"{line}: imports {name}"
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        function = ast.unparse(node.func)
        options = {k.arg: ast.unparse(k.value) for k in node.keywords}
        if function in UNSAFE_CALLS:
            yield f"{node.lineno}: calls {function}"
        if function == "torch.load" and options.get("weights_only") != "True":
            yield f"{node.lineno}: torch.load without weights_only=True"
        if options.get("allow_pickle", "False") != "False":
            yield f"{node.lineno}: allow_pickle"
        if options.get("shell", "False") != "False":
            yield f"{node.lineno}: a shell"


def speaks_in_the_pipeline(module: Module) -> Iterator[str]:
    """The pipeline serves a command line, a page and a server, which show its events."""
    if module.part != "pipeline":
        return
    silent = ("argparse", "sys", "tqdm", "jasco.notices.show", "jasco.notices.tell")
    for line, name in imports(module):
        if name in silent or name.partition(".")[0] in silent:
            yield f"{line}: imports {name}"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"print", "input", "exit"}:
            yield f"{node.lineno}: calls {ast.unparse(node.func)}"


def has_untidy_shape(module: Module) -> Iterator[str]:
    lines = len(module.source.splitlines())
    if lines > MAX_LINES:
        yield f"{lines}: more than {MAX_LINES} lines, so more than one concept"
    if module.name.rpartition(".")[2] in {"utils", "util", "helpers", "misc", "common"}:
        yield "1: a name that says nothing"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Assert):
            yield f"{node.lineno}: assert vanishes under python -O; raise an error instead"


RULES = (
    breaks_layers,
    leaves_its_room,
    imports_optional_at_start,
    is_unsafe,
    speaks_in_the_pipeline,
    has_untidy_shape,
)
Rule = Callable[[Module], Iterator[str]]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_module_breaks_the_rule(rule: Rule) -> None:
    broken = [f"jasco/{m.name.replace('.', '/')}:{found}" for m in modules() for found in rule(m)]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(
    "rule, name, source",
    [
        (breaks_layers, "audio", "from jasco.model import Jasco"),
        (breaks_layers, "flow.path", "from ..network.velocity import VelocityNetwork"),
        (breaks_layers, "chords.parse", "from jasco.melody import Melody"),
        (breaks_layers, "data.manifest", "import jasco.data.prepared"),
        (breaks_layers, "model", "def f():\n    from jasco.cli import words"),
        (breaks_layers, "network.velocity", "from jasco import Conditions"),
        (breaks_layers, "brand_new", ""),
        (leaves_its_room, "model", "from omegaconf import OmegaConf"),
        (leaves_its_room, "data.prepared", "import lightning.pytorch as pl"),
        (leaves_its_room, "melody", "def f():\n    import soundfile"),
        (imports_optional_at_start, "chords", "import vamp"),
        (imports_optional_at_start, "metrics.chords", "try:\n    import mir_eval\nfinally: pass"),
        (
            imports_optional_at_start,
            "embeddings.clap",
            "class A:\n    from matplotlib import pyplot",
        ),
        (is_unsafe, "checkpoint.published", "import pickle"),
        (is_unsafe, "checkpoint.published", "torch.load(path)"),
        (is_unsafe, "checkpoint.published", "torch.load(path, weights_only=False)"),
        (is_unsafe, "melody", "np.load(path, allow_pickle=True)"),
        (is_unsafe, "cli.doctor", "subprocess.run(line, shell=True)"),
        (is_unsafe, "cli.doctor", "os.system('ls')"),
        (speaks_in_the_pipeline, "pipeline.takes", "from jasco.notices import describe, tell"),
        (speaks_in_the_pipeline, "pipeline.takes", "import argparse"),
        (speaks_in_the_pipeline, "pipeline.takes", "print('a')"),
        (breaks_layers, "pipeline.takes", "from jasco.cli.errors import FAILED"),
        (has_untidy_shape, "model", "\n" * (MAX_LINES + 1)),
        (has_untidy_shape, "data.utils", ""),
        (has_untidy_shape, "audio", "assert samples"),
    ],
)
def test_each_rule_notices(rule: Rule, name: str, source: str) -> None:
    assert list(rule(Module(name, source)))


@pytest.mark.parametrize(
    "name, source",
    [
        ("model", "from jasco.flow import Euler\nfrom .codec import Codec"),
        ("data.datamodule", "import lightning\nfrom jasco.data.prepared import Prepared"),
        ("chords", "def f():\n    import vamp"),
        ("chords", "if TYPE_CHECKING:\n    import vamp"),
        ("checkpoint.published", "torch.load(path, weights_only=True)"),
    ],
)
def test_no_rule_forbids_what_is_right(name: str, source: str) -> None:
    assert not [found for rule in RULES for found in rule(Module(name, source))]


def test_no_file_names_a_path_of_one_machine() -> None:
    found = machine_paths(ROOT)
    assert not found, "\n".join(found)
    assert MACHINE_PATH.search("cache = '/" + "home/me/cache'")


def test_what_commands_wrote_into_the_checkout_is_not_searched(tmp_path: Path) -> None:
    (tmp_path / "tracked.py").write_text("cache = '/" + "home/me/cache'\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "tracked.py")
    (tmp_path / "prepared").mkdir()
    (tmp_path / "prepared" / "index.jsonl").write_text('{"path": "/' + 'home/me/a.wav"}\n')
    (found,) = machine_paths(tmp_path)
    assert found.startswith("tracked.py:1: cache")
