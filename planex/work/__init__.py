# SPDX-License-Identifier: LGPL-2.1-or-later
"""A package's git tree with the buildroot attached: what a person edits there is compiled at once."""
