# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cages: what strangers wrote (specs, builds, scriptlets, mock configurations) runs in one, and nowhere else."""
