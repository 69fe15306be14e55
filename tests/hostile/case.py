# SPDX-License-Identifier: LGPL-2.1-or-later
"""A case: ``attacks/<area>/<attack>/case.yaml``. README.md beside this file describes every key."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

HERE = Path(__file__).parent
ATTACKS = HERE / "attacks"
WAITING = HERE / "waiting.txt"
USUAL_SECONDS = 20.0
"""Seconds after which a case hangs; one that says more waits for time to pass, and takes no turn from others."""

Words = Annotated[tuple[str, ...], BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)]
Command = Annotated[
    tuple[str, ...], BeforeValidator(lambda value: tuple(shlex.split(value)) if isinstance(value, str) else value)
]
Commands = Annotated[
    tuple[Command, ...], BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
]
Stream = Literal["null", "closed", "full", "kept"]


def _timed(value: object) -> object:
    """``TERM 3`` is a signal and the seconds until it is sent; ``INT 0.05 processor``: those that the command used."""
    rows = map(str.split, value) if isinstance(value, list) else ()
    return tuple((words[0], float(words[1]), " ".join(words[2:]) or "clock") for words in rows)


class Case(BaseModel):
    """What is done to the template workspace, what is typed then, and what must come of it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    about: str
    given: dict[str, Any] = Field(default_factory=dict)
    before: Commands = ()
    then: dict[str, Any] = Field(default_factory=dict)
    run: Command
    environment: dict[str, str | None] = Field(default_factory=dict)
    folder: Literal["workspace", "deleted", "elsewhere"] = "workspace"
    stdin: Stream = "null"
    stdout_is: Stream = "kept"
    stderr_is: Stream = "kept"
    bound_by_modes: bool = False
    signals: Annotated[tuple[tuple[str, float, Literal["clock", "processor"]], ...], BeforeValidator(_timed)] = ()
    needs: Words = ()
    rare: bool = False
    seconds: float = USUAL_SECONDS
    status: int
    names: Words = ()
    absent: Words = ()
    stdout: str | None = None
    stderr: str | None = None

    @model_validator(mode="after")
    def _an_error_names_something(self) -> Case:
        if self.status and not self.names and self.stderr_is == "kept":
            raise ValueError("'names' is missing: what must the message say (a file, a line, a word)?")
        return self


def load_case(folder: Path) -> Case:
    """Read and check ``case.yaml`` of a folder."""
    return Case.model_validate(yaml.safe_load((folder / "case.yaml").read_text()))


def find_cases() -> dict[str, Path]:
    """``area/attack`` to its folder, sorted."""
    folders = sorted(path.parent for path in ATTACKS.glob("*/*/case.yaml"))
    return {folder.relative_to(ATTACKS).as_posix(): folder for folder in folders}


def waiting() -> dict[str, str]:
    """Cases that still fail, and why: lines ``area/attack: reason``."""
    lines = [line for line in WAITING.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return {name.strip(): reason.strip() for name, _, reason in (line.partition(":") for line in lines)}


def save_expected(folder: Path, stdout: str, stderr: str) -> None:
    """Write the two expected texts at the end of ``case.yaml``; all above stays as it is."""
    path = folder / "case.yaml"
    kept = path.read_text().split("\nstdout: |", 1)[0].split("\nstderr: |", 1)[0].rstrip("\n")
    path.write_text(kept + "\n" + _block("stdout", stdout) + _block("stderr", stderr))


def _block(key: str, text: str) -> str:
    lines = "".join(f"  {line}\n" if line else "\n" for line in text.splitlines())
    return f"{key}: |2\n{lines}" if text.strip() else ""
