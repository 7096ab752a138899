# SPDX-License-Identifier: Apache-2.0
# For fish: /usr/share/fish/vendor_completions.d/vfiocompat.fish
_VFIOCOMPAT_COMPLETE=fish_source vfiocompat 2>/dev/null | source
