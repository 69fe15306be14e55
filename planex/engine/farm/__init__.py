# SPDX-License-Identifier: LGPL-2.1-or-later
"""Packages built on other machines: dask.distributed hands out orders, files go by the shared store."""
