# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pages that a team reads in the morning: all nights of an archive of snapshots. Pure."""
