# SPDX-License-Identifier: LGPL-2.1-or-later
"""The git processes that a piece of work asks, shared by all who do it."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import Self

from planex.git.filemerges import FileMerges
from planex.git.pipes import Changed, Differ, Merger, Objects
from planex.git.repository import Repository


class PipeSet:
    """Each process is started when it is first needed and ended with the set. A context manager."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.stack = ExitStack()
        """For what else has to end with the work."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stack.__exit__(kind, error, trace)

    @cached_property
    def objects(self) -> Objects:
        return self.stack.enter_context(Objects(self.repository))

    @cached_property
    def changed(self) -> Changed:
        return self.stack.enter_context(Changed(self.repository))

    @cached_property
    def merger(self) -> Merger:
        return self.stack.enter_context(Merger(self.repository))

    @cached_property
    def folder_merger(self) -> Merger:
        """Takes files along into folders that moved."""
        return self.stack.enter_context(Merger(self.repository, {"merge.directoryRenames": "true"}))

    @cached_property
    def file_merges(self) -> FileMerges:
        return FileMerges(self.repository, self.objects, self.merger)

    @cached_property
    def differ(self) -> Differ:
        return self.stack.enter_context(Differ(self.repository))
