# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is said of BuildRequires that nothing provides. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from planex.engine.links import Links
from planex.engine.providers import Providers
from planex.errors import ConfigError
from planex.nearest import did_you_mean, is_generated, same_thing
from planex.rpm.capability import Capability, unanswered
from planex.rpm.index import Index
from planex.rpm.spec import Package

Advise = Callable[[str, Index], str]
_TYPING_ERROR = 0.85
"""How near a name must be: of libraries many have one, and ``libpcap`` is not ``libcap`` mistyped."""


def nothing_known(_wanted: str, _base: Index) -> str:
    return ""


@dataclass(frozen=True)
class Lacking:
    """``broken``: packages that could not be read, which may be what is missing; ``left_out``: those that are not for
    this architecture, with the reason in words.

    ``advise``: where else something may be had, by its name and the base: goes on with the sentence, or is empty.
    """

    links: Links
    base: Index
    broken: Sequence[str]
    left_out: Mapping[str, tuple[Package, str]]
    advise: Advise

    def faults(self) -> dict[str, ConfigError]:
        """Packages whose BuildRequires nothing provides, with a sentence for each of these."""
        hint = "add a package that provides it to specs/, or to repos/ what of the base has it: a package, a repository"
        found = {}
        for name in self.links.packages:
            asked = self.links.build_requires(name)
            lacking = [each for wanted in asked for each in unanswered(wanted, self.links.offers)]
            if lacking:
                texts = [self._explain(name, wanted) for wanted in dict.fromkeys(lacking)]
                found[name] = ConfigError("\n".join(texts), hint)
        return found

    def _explain(self, package: str, wanted: Capability) -> str:
        have = [f"{self.links.maker(sub)} makes {each}" for sub, each in self.links.providers.named(wanted.name)]
        have += [f"the base has {each}" for each in self.base.versions(wanted.name)]
        if reasons := self._absent.find(wanted):
            detail = f", for {reasons[0]}"
        elif have:
            detail = f", but {have[0]}"
        elif self.broken:
            detail = f"; perhaps one that cannot be read does: {', '.join(self.broken)}"
        else:
            detail = self._nearest(wanted.name)
        return f"specs/{package}: BuildRequires {wanted}: nothing here or in the base provides it{detail}"

    def _nearest(self, wanted: str) -> str:
        """The same thing by another name is sure; the rest must be very near, for a wrong guess is worse than none."""
        known = [*self.links.providers.names, *self.base.providers]
        if not is_generated(wanted) and (same := same_thing(wanted, filter(_is_package, known))):
            return f" (did you mean '{same[0]}'?)"
        return self.advise(wanted, self.base) or did_you_mean(wanted, known, _TYPING_ERROR)

    @cached_property
    def _absent(self) -> Providers[str]:
        """What would be provided by packages that are left out: to a sentence that says why it is not."""
        absent: Providers[str] = Providers()
        for name, (package, reason) in self.left_out.items():
            for sub in package.subpackages:
                absent.add(f"{name} is {reason}", sub.provides, sub.files)
        return absent


def _is_package(name: str) -> bool:
    return not is_generated(name)
