# SPDX-License-Identifier: LGPL-2.1-or-later
"""planex: from upstream tarballs, spec templates and patch queues to a bootable Xen host ISO."""

__version__ = "5.0.0.dev0"
