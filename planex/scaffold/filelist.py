# SPDX-License-Identifier: LGPL-2.1-or-later
"""The %files sections for what a build installed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

_MACROS = (
    ("/usr/bin", "%{_bindir}"),
    ("/usr/sbin", "%{_sbindir}"),
    ("/usr/lib64", "%{_libdir}"),
    ("/usr/libexec", "%{_libexecdir}"),
    ("/usr/include", "%{_includedir}"),
    ("/usr/share/man", "%{_mandir}"),
    ("/usr/share/info", "%{_infodir}"),
    ("/usr/share", "%{_datadir}"),
    ("/usr/lib/systemd/system", "%{_unitdir}"),
    ("/usr/lib", "%{_prefix}/lib"),
    ("/etc", "%{_sysconfdir}"),
    ("/var", "%{_localstatedir}"),
    ("/usr", "%{_prefix}"),
)
_FOLDERS = """
/opt / /boot /etc /etc/bash_completion.d /etc/cron.d /etc/default /etc/init.d /etc/logrotate.d /etc/profile.d
/etc/udev /etc/udev/rules.d /etc/xdg /usr /usr/bin /usr/include /usr/lib /usr/lib/python3 /usr/lib/systemd
/usr/lib/systemd/system /usr/lib/systemd/user /usr/lib/sysusers.d /usr/lib/tmpfiles.d /usr/lib/udev
/usr/lib/udev/rules.d /usr/lib64 /usr/lib64/cmake /usr/lib64/girepository-1.0 /usr/lib64/perl5 /usr/lib64/pkgconfig
/usr/libexec /usr/sbin /usr/share /usr/share/aclocal /usr/share/appdata /usr/share/applications
/usr/share/bash-completion /usr/share/bash-completion/completions /usr/share/cmake /usr/share/dbus-1
/usr/share/dbus-1/services /usr/share/doc /usr/share/emacs /usr/share/emacs/site-lisp /usr/share/fish
/usr/share/fish/completions /usr/share/fish/vendor_completions.d /usr/share/gir-1.0 /usr/share/icons /usr/share/info
/usr/share/locale /usr/share/man /usr/share/metainfo /usr/share/mime /usr/share/mime/packages /usr/share/perl5
/usr/share/pixmaps /usr/share/pkgconfig /usr/share/vala /usr/share/vala/vapi /usr/share/vim /usr/share/vim/vimfiles
/usr/share/zsh /usr/share/zsh/site-functions /usr/share/zsh/vendor-completions /usr/src /var /var/lib /var/log
"""
_SHARED = frozenset(_FOLDERS.split())
"""Folders that belong to nobody alone."""
_MAN = re.compile(r"(/usr/share/man/(?:.*/)?man\w+/[^/]+?\.\w+?)(?:\.gz)?")
_LOCALE = re.compile(r"/usr/share/locale/[^/]+/(LC_[A-Z]+/[^/]+)")
_ICON = re.compile(r"/usr/share/icons/hicolor/[^/]+/(\w+)/([^/]+)")
_DEVEL = re.compile(
    r"/usr/include/|.*/pkgconfig/[^/]+\.pc$|.*/lib[^/]+\.(?:so|a)$|/usr/share/aclocal/|/usr/(?:lib64|share)/cmake/"
    r"|/usr/share/man/man3/|.*/[^/]+\.gir$|/usr/share/vala/"
)
_LIBRARY = re.compile(r"(/usr/lib64/[^/]+\.so\.\d+)[\d.]*")


def files_sections(paths: Iterable[str], *, devel: bool) -> tuple[list[str], list[str]]:
    """Lines for the main package and for ``-devel``, which is not made where ``devel`` is false."""
    main: dict[str, None] = {}
    developing: dict[str, None] = {}
    for path in sorted(set(paths)):
        (developing if devel and _DEVEL.match(path) else main)[_line(path)] = None
    return list(main), list(developing)


def wants_devel(paths: Iterable[str]) -> bool:
    """Whether there is a library to develop with: headers, or a link for the linker."""
    return any(path.startswith("/usr/include/") or path.endswith((".pc", ".a")) for path in paths)


def _line(path: str) -> str:
    if match := _MAN.fullmatch(path):
        return f"{_short(match[1])}*"
    if match := _LOCALE.fullmatch(path):
        return f"%{{_datadir}}/locale/*/{match[1]}"
    if match := _ICON.fullmatch(path):
        return f"%{{_datadir}}/icons/hicolor/*/{match[1]}/{match[2]}"
    if path.startswith("/usr/share/info/"):
        return f"{_short(path.removesuffix('.gz'))}*"
    if match := _LIBRARY.fullmatch(path):
        return f"{_short(match[1])}*"
    own = _own_folder(path)
    if path.startswith("/usr/share/doc/"):
        return f"%doc {_short(own)}"
    if path.startswith("/etc/") and own == path and "/init.d/" not in path:
        return f"%config(noreplace) {_short(path)}"
    return _short(own)


def _own_folder(path: str) -> str:
    """The first folder on the way that is not everybody's, with a slash; the path itself where there is none."""
    for folder in reversed(PurePosixPath(path).parents):
        if str(folder) not in _SHARED and not re.fullmatch(r"/usr/share/(locale|man|icons)(/.*)?", str(folder)):
            return f"{folder}/"
    return path


def _short(path: str) -> str:
    """With rpm's macros for folders; ``%`` and what rpm takes for a pattern are kept from it."""
    escaped = re.sub(r"([\[\]{}?*])", r"?", path.replace("%", "%%")) if re.search(r"[\[\]{}?*%\s]", path) else path
    for folder, macro in _MACROS:
        if escaped == folder or escaped.startswith(f"{folder}/"):
            return macro + escaped.removeprefix(folder).replace(" ", "?")
    return escaped.replace(" ", "?")
