# SPDX-License-Identifier: LGPL-2.1-or-later
"""git, as every part of planex sees it."""
