#compdef vfiocompat
# SPDX-License-Identifier: Apache-2.0
# For zsh: /usr/share/zsh/site-functions/_vfiocompat
eval "$(_VFIOCOMPAT_COMPLETE=zsh_source vfiocompat 2>/dev/null)"
(( $+functions[_vfiocompat_completion] )) && _vfiocompat_completion "$@"
