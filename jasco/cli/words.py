"""Checks of the words of a command line for Hydra, and messages for its errors."""

from __future__ import annotations

import difflib
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from jasco.cli.help import choices, is_group
from jasco.config import conf_dir
from jasco.errors import SettingError

USAGE = 2
# Options of Hydra; those of the second line take a value.
_OPTIONS = ("--help", "--hydra-help", "--version", "--resolve", "--run", "--multirun")
_VALUED = (
    "--cfg", "--package", "--config-path", "--config-name", "--config-dir", "--info",
    "--experimental-rerun", "-c", "-p", "-cp", "-cn", "-cd", "-i",
)  # fmt: skip
_MEANING = "=,[]{}()'\"$\\"
"""Characters with a meaning in the values of Hydra."""
_NULL = {"logger": "logger=[]"} | {
    group: f"~{group}"
    for group in ("callbacks", "experiment", "guidance", "model", "objective", "solver")
}
"""Groups that may be left out, and Hydra's way to do so."""


def read_words(program: str, words: Sequence[str]) -> list[str]:
    """Words of a command line in the grammar of Hydra.

    Values with characters that are not in Hydra's grammar, such as letters with accents, are
    quoted; ``GROUP=null`` leaves a group out.

    Args:
        program: name of the program, for messages.
        words: words of the command line.

    Raises:
        SettingError: a word that is not a setting, or a value that must be quoted.
        SystemExit: an unknown option.
    """
    sweep = bool({"-m", "--multirun"} & set(words))
    found = []
    valued = False
    for word in words:
        if word.startswith("-"):
            _check_option(program, word)
            found.append(word)
            valued = word in _VALUED
        else:
            found.append(word if valued and "=" not in word else _read(word, sweep))
            valued = False
    return found


def _check_option(program: str, word: str) -> None:
    name = word.partition("=")[0]
    if name.startswith("--") and name not in (*_OPTIONS, *_VALUED, "--shell-completion"):
        print(
            f"{program}: error: no option {word}: settings are words without dashes, such as "
            f"{name.lstrip('-') or 'KEY'}=VALUE; --help lists them",
            file=sys.stderr,
        )
        raise SystemExit(USAGE)


def _read(word: str, sweep: bool) -> str:
    key, equals, value = word.partition("=")
    if not equals and not word.startswith("~"):
        raise SettingError(f"{word!r} is no setting: give KEY=VALUE; --help lists the keys")
    override = _parse(word)
    if override is None:
        quoted = _quoted(key, value)
        if quoted is None or _parse(quoted) is None:
            raise SettingError(f"{word!r} is no setting: the key before = cannot be read")
        if any(sign in value for sign in _MEANING):
            raise SettingError(
                f"{word} cannot be read: {_signs(value)} of a value have a meaning unless it is "
                f"quoted, once for Hydra and once for the shell: {shlex.quote(quoted)}"
            )
        return quoted
    group = override.key_or_group
    if override.package is None and override.value() is None and is_group(group):
        if not equals:
            return word
        if group not in _NULL:
            raise SettingError(f"{word}: give one of {', '.join(choices(group))}")
        return _NULL[group]
    if override.is_sweep_override() and not sweep:
        raise SettingError(
            f"{word} has several values: give {key}=[{value}] for a list, "
            f"{shlex.quote(_quoted(key, value) or word)} for one text, or --multirun to run all"
        )
    return word


def _parse(word: str) -> Override | None:
    try:
        return OverridesParser.create().parse_override(word)
    except HydraException:
        return None


def _quoted(key: str, value: str) -> str | None:
    if not re.fullmatch(r"[+~]{0,2}[\w./@:-]+", key):
        return None
    # Backslashes are escaped before a quote alone, of which the last ends the value.
    plain = re.sub(r'(\\*)("|$)', lambda m: m[1] * 2 + ('\\"' if m[2] else ""), value)
    return f'{key}="{plain}"'


def _signs(value: str) -> str:
    found = dict.fromkeys(sign for sign in value if sign in _MEANING)
    return " ".join(found)


# --- errors of Hydra ------------------------------------------------------------------------------


def explain(error: Exception, config_name: str, keys: Iterable[str]) -> SettingError:
    """Message for an error of Hydra or OmegaConf: the cause, allowed values, similar names.

    Args:
        error: error of the composition or resolution.
        config_name: name of the root configuration.
        keys: dotted keys of the configuration.
    """
    text = " ".join(str(error).split("See https://")[0].split("Config search path")[0].split())
    if isinstance(error, MissingConfigException):
        found = re.search(r"Could not (?:find|load) '([^']+)'", text)
        if found:
            group, _, name = found[1].rpartition("/")
            return _no_choice(group, name)
    found = re.search(r"Missing mandatory value: (\S+)", text)
    if found:
        return not_given(found[1])
    found = re.search(r"Could not (override|delete)(?: from config\.)? '([^']+)'", text)
    if found:
        present = list(keys)
        if found[1] == "override" and _is_open(found[2], present):
            return SettingError(
                f"{found[2]} is a new key: begin its word with +, as +{found[2]}=VALUE"
            )
        return _no_key(found[2], present, config_name)
    found = re.search(r"Interpolation key '(\w+)' not found", text)
    if found and is_group(found[1]):
        known = ", ".join(choices(found[1]))
        return SettingError(f"no {found[1]} is chosen: give experiment=NAME, or one of {known}")
    if isinstance(error, OmegaConfBaseException) and error.full_key:
        return SettingError(f"{error.full_key}: {text.split(' full_key:')[0]}")
    return SettingError(f"the configuration cannot be composed: {text}")


def not_given(key: str) -> SettingError:
    """Error for a setting that a program needs and that is not given."""
    if key == "name":
        known = ", ".join(choices("experiment/train"))
        return SettingError(f"give experiment=NAME, one of {known}; --help lists more")
    return SettingError(f"{key} is not given: add {key}=VALUE{expected(key)}")


_OPEN = ("objective.dropout", "optim.groups")
"""Mappings with keys of the user's own, which Hydra adds by words with ``+``."""
_EXPECTED = {
    "checkpoint": "demo, a folder, a Lightning checkpoint or a Hub id",
    "data.root": "a folder of jasco-prepare; or a manifest or folder of recordings",
    "init_from": "demo, a folder, a Lightning checkpoint or a Hub id",
    "out": "a folder, made where missing",
}


def expected(key: str) -> str:
    """Expected value of a setting, in parentheses; empty where its kind is enough."""
    return f" ({_EXPECTED[key]})" if key in _EXPECTED else ""


def near(name: str, known: Iterable[str]) -> str:
    """``: did you mean NAME?``; empty without a similar name."""
    found = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f": did you mean {found[0]}?" if found else ""


def _no_choice(group: str, name: str) -> SettingError:
    known = choices(group)
    hint = near(name, known)
    there = f"{' There' if hint else ': there'} are {', '.join(known)}"
    return SettingError(f"no {group.partition('/')[0]} {name!r}{hint}{there}")


def _no_key(key: str, keys: Sequence[str], config_name: str) -> SettingError:
    name, _, package = key.partition("@")
    # The same word in another experiment: it is no misspelling.
    paths = sorted((conf_dir() / "experiment" / config_name).glob("*.yaml"))
    of = [
        path.stem
        for path in paths
        if (package or name).split(".")[0] in OmegaConf.load(path).keys()
        or f"/{name}@{package}" in path.read_text(encoding="utf-8")
    ]
    if of and name.split(".")[0] not in keys:
        return SettingError(f"{key} is a setting of experiment={' or '.join(of)}")
    if "." in name:
        same = [k for k in keys if k.rpartition(".")[0] == name.rpartition(".")[0]]
    else:
        same = [k for k in keys if "." not in k]
    hint = near(name, same) or near(name, keys)
    if not hint:  # in another place
        ends = {k.rpartition(".")[2]: k for k in reversed(keys)}
        last = difflib.get_close_matches(name.rpartition(".")[2], list(ends), 1, 0.75)
        hint = f": did you mean {ends[last[0]]}?" if last else ""
    return SettingError(f"no setting {key}{hint or f': --help lists them, +{key}=VALUE adds one'}")


def _is_open(key: str, keys: Sequence[str]) -> bool:
    """True for a mapping whose keys are the user's own, such as ``optim.groups``, or one below."""
    opens = [name for name in _OPEN if name in keys]
    return any(f"{key}.".startswith(f"{name}.") for name in opens)


def flat_keys(node: Any, prefix: str = "") -> list[str]:
    """Dotted keys of all values and mappings of plain data."""
    if not isinstance(node, dict):
        return []
    found = []
    for key, child in node.items():
        found += [f"{prefix}{key}", *flat_keys(child, f"{prefix}{key}.")]
    return found
