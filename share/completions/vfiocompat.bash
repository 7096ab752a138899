# SPDX-License-Identifier: Apache-2.0
# For bash: /usr/share/bash-completion/completions/vfiocompat
eval "$(_VFIOCOMPAT_COMPLETE=bash_source vfiocompat 2>/dev/null)"
