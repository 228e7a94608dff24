"""Image of the service: the steps of its Dockerfile, run in an empty folder without docker."""

from __future__ import annotations

import json
import os
import re
import shutil
import site
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SERVE = ROOT / "scripts" / "serve"
KEY = "a-key-of-twenty-characters"


def instructions() -> list[tuple[str, str]]:
    """Name and words of each instruction."""
    lines = [line.strip() for line in (SERVE / "Dockerfile").read_text().splitlines()]
    named = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    return [(name, words) for name, _, words in named]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Folder of the image, with an environment that finds the packages which are installed here."""
    environment = tmp_path / "jasco" / ".venv"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "here.pth").write_text("\n".join(site.getsitepackages()))
    return tmp_path / "jasco"


def test_the_steps_of_the_image_make_a_server(place: Path) -> None:
    variables = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    variables |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    ports = []
    for name, words in instructions():
        if name == "ARG" and "=" in words:
            variables |= [words.split("=", 1)]
        elif name == "COPY":
            *sources, target = words.split()
            for source in sources:
                assert (ROOT / source).exists(), source
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, place / target)
                else:
                    shutil.copy(ROOT / source, place / target)
        elif name == "RUN":
            subprocess.run(["bash", "-c", words], cwd=place, env=variables, check=True)
        elif name == "ENV":
            for word in words.split():
                key, value = word.split("=", 1)
                value = value.replace("$PATH", variables["PATH"]).replace("/jasco", str(place), 1)
                variables[key] = value
        elif name == "EXPOSE":
            ports.append(int(words))
        elif name == "ENTRYPOINT":
            command = json.loads(words)
    assert ports == [8000]
    command = [*command, "--port", "0", "--device", "cpu"]
    refused = subprocess.run(command, env=variables, cwd=place, capture_output=True, text=True)
    assert refused.returncode == 1 and "give --key-file" in refused.stderr
    variables["JASCO_SERVE_KEY"] = KEY
    code = "import jasco; print(jasco.__file__)"
    found = subprocess.run(
        ["python", "-c", code], env=variables, cwd=place.parent, capture_output=True, text=True
    )
    assert found.stdout.strip() == str(place / "jasco" / "__init__.py")
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = re.search(r"http://\S+", process.stdout.readline())[0]
            with httpx.Client(base_url=url.replace("0.0.0.0", "127.0.0.1"), timeout=60) as client:
                assert client.get("/health").json() == {"status": "ok"}
                body = {"text": "funk", "duration": 0.5, "steps": 1}
                assert client.post("/v1/generate", json=body).status_code == 401
                key = {"Authorization": f"Bearer {KEY}"}
                assert client.post("/v1/generate", json=body, headers=key).status_code == 200
        finally:
            process.kill()


def test_compose_names_what_is_there() -> None:
    compose = yaml.safe_load((SERVE / "compose.yaml").read_text())
    arguments = [words.partition("=")[0] for name, words in instructions() if name == "ARG"]
    assert set(compose["services"]) == {"cpu", "cuda"}
    for service in compose["services"].values():
        build = service["build"]
        assert (SERVE / build["context"] / build["dockerfile"]).resolve() == SERVE / "Dockerfile"
        assert set(build.get("args", ())) <= set(arguments)
        assert service["ports"] == ["127.0.0.1:${PORT:-8000}:8000"]
    assert subprocess.run(
        ["git", "check-ignore", "-q", "scripts/serve/keys.txt"], cwd=ROOT
    ).returncode in (0, 128)  # 128: no checkout of git
