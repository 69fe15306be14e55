# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a medium says about itself: ``.treeinfo``, ``.discinfo``, and its label in texts. Pure.

Formats: productmd 1.x for ``.treeinfo`` (an INI file, keys with capitals), Anaconda's for ``.discinfo`` (lines:
time stamp, release, architecture, disc numbers).
"""

from __future__ import annotations

import configparser
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass

from planex.errors import PlanexError
from planex.medium.references import escape
from planex.medium.sums import SUMS

_OWN = "planex"
"""Section of .treeinfo with what productmd does not know."""
MAX_TEXT, MAX_LINE = 1 << 20, 4096
"""Characters; the INI reader takes quadratic time for a long line."""


@dataclass(frozen=True, slots=True)
class Product:
    """What a medium is, in the words of .treeinfo."""

    name: str
    version: str
    arch: str
    epoch: int
    """Seconds since 1970."""
    repository: str
    """Folder of its repository, without a leading slash; ``.`` for the top of the medium."""


def checksums(text: str) -> dict[str, str]:
    """Path (relative to the top of the medium) -> ``sha256:...`` of a .treeinfo."""
    parser = _parse(text)
    return dict(parser["checksums"]) if parser.has_section("checksums") else {}


def new_treeinfo(product: Product, images: Mapping[str, str], digests: Mapping[str, str]) -> str:
    """The .treeinfo of a medium that is made from nothing, its packages in ``Packages``.

    ``images``: productmd's names (``kernel``, ``initrd``, ``efiboot.img``) -> path relative to the top of the medium;
    ``digests``: such paths -> SHA-256.
    """
    parser = _parser()
    tree = {"arch": product.arch, "platforms": f"{product.arch},xen", "variants": "base"}
    parser["header"] = {"type": "productmd.treeinfo", "version": "1.2"}
    parser["general"] = {**tree, "variant": "base", "packagedir": "Packages", "repository": product.repository}
    parser["tree"] = tree
    parser["media"] = {"discnum": "1", "totaldiscs": "1"}
    parser[f"images-{product.arch}"] = images
    parser["images-xen"] = {name: path for name, path in images.items() if name != "efiboot.img"}
    _describe(parser, product, digests)
    _add_variant(parser, "base", "Packages", product.repository)
    return _text(parser)


def update_treeinfo(text: str, product: Product, digests: Mapping[str, str]) -> str:
    """A base's .treeinfo for the respun medium.

    Release and time stamp become the product's, its repository is added as a variant, and the checksums are those
    of ``digests`` (relative path -> SHA-256 of files that are new or replaced) over those that were there.
    A file whose digest is the empty text is no longer on the medium.
    """
    parser = _parse(text)
    _describe(parser, product, digests)
    # productmd, with which Anaconda reads the file, takes no "-" in a variant's id
    _add_variant(parser, re.sub("[/-]", "_", product.repository), product.repository, product.repository)
    _set(parser, _OWN, sums=SUMS.lstrip("/"))
    return _text(parser)


def promises_sums(text: str) -> bool:
    """Whether a .treeinfo says that the medium has SHA256SUMS: those that planex wrote do."""
    try:
        return _parse(text).has_option(_OWN, "sums")
    except PlanexError:
        return False


def _describe(parser: configparser.ConfigParser, product: Product, digests: Mapping[str, str]) -> None:
    known = dict(parser["checksums"]) if parser.has_section("checksums") else {}
    known |= {path: f"sha256:{value}" if value else "" for path, value in digests.items()}
    parser["checksums"] = {path: value for path, value in known.items() if value}
    names = {"name": f"{product.name} {product.version}", "family": product.name, "version": product.version}
    _set(parser, "general", **names, timestamp=str(product.epoch))
    _set(parser, "release", name=product.name, short=product.name.replace(" ", "-"), version=product.version)
    _set(parser, "tree", arch=product.arch, build_timestamp=str(product.epoch))


def _add_variant(parser: configparser.ConfigParser, name: str, packages: str, repository: str) -> None:
    variants = [word for word in parser["tree"].get("variants", "").split(",") if word]
    parser["tree"]["variants"] = ",".join(sorted({*variants, name}))
    place = {"packages": packages, "repository": repository}
    _set(parser, f"variant-{name}", id=name, uid=name, name=name, type="variant", **place)


def update_discinfo(text: str, product: Product) -> str:
    """A .discinfo with the product's time stamp and name, the rest as it was; ``text`` is empty for a new medium."""
    rest = text.splitlines()[2:] or [product.arch, "ALL"]
    return "\n".join([f"{product.epoch}.000000", f"{product.name} {product.version}", *rest]) + "\n"


def replace_label(text: str, old: str, new: str) -> str:
    """``text`` with the volume label exchanged, in its raw form and in udev's escaped one; whole words only."""
    for form in (escape(old), old):
        text = re.sub(_whole(form), lambda _: new, text)
    return text


def mentions_label(text: str, label: str) -> bool:
    """Whether a text holds the label, raw or escaped, as a whole word."""
    return any(re.search(_whole(form), text) for form in (label, escape(label)))


def _whole(label: str) -> str:
    return rf"(?<![A-Za-z0-9_.\\-]){re.escape(label)}(?![A-Za-z0-9_-]|\.[A-Za-z0-9]|\\x)"


def _parser() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    return parser


def _parse(text: str) -> configparser.ConfigParser:
    parser = _parser()
    if len(text) > MAX_TEXT or any(len(line) > MAX_LINE for line in text.splitlines()):
        raise PlanexError(f".treeinfo cannot be read: it, or a line in it, is too long ({MAX_LINE} characters a line)")
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise PlanexError(f".treeinfo cannot be read: {str(error).splitlines()[0]}") from None
    return parser


def _set(parser: configparser.ConfigParser, section: str, **values: str) -> None:
    if not parser.has_section(section):
        parser.add_section(section)
    parser[section].update(values)


def _text(parser: configparser.ConfigParser) -> str:
    """Sections and keys sorted, as productmd writes them."""
    ordered = _parser()
    for section in sorted(parser.sections()):
        ordered[section] = dict(sorted(parser[section].items()))
    buffer = io.StringIO()
    ordered.write(buffer)
    return buffer.getvalue()
