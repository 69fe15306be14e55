# SPDX-License-Identifier: LGPL-2.1-or-later
"""Results of builds that machines share: a store that any server can hold, asked by rebuild key, believed by proof."""
