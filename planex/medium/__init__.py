# SPDX-License-Identifier: LGPL-2.1-or-later
"""The anatomy of an ISO: images, boot records, loaders, menus, metadata. Knows no distro."""
