# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What a `prepare` is made of: Debian's packages, fetched and unpacked beside the
# machine's own, and the few that have to be installed. Sourced, with `set -euo pipefail`;
# $cache is the folder of everything, $log in it has what the last command said.

log=$cache/log

step() { echo "kernel: $*"; }
die() { echo "$0: $*" >&2; exit 1; }

[ "$(uname -m)" = x86_64 ] || die "needs an x86-64 machine, this is $(uname -m)"
[ "$(id -u)" = 0 ] || die "needs root (qemu has to read all of / for the guest)"
for tool in apt-get apt-cache dpkg; do
  command -v "$tool" >/dev/null || die "needs Debian: there is no $tool"
done
mkdir -p "$cache"

# Once is enough. A list that cannot be had matters only if a package is missing.
updated=
update() {
  [ -z "$updated" ] || return 0
  step "reading the package lists"
  apt-get update -qq >"$log" 2>&1 || true
  updated=yes
}

# The package that another depends on and whose name begins so (an expression); or
# nothing.
dependency() {
  { apt-cache depends --important "$1" 2>>"$log" || true; } |
    awk -v begin="^($2)" '$1 == "Depends:" && $2 ~ begin && !n++ { print $2 }'
}

# Downloads a package, NAME or NAME=VERSION; its file is then $deb.
download() {
  step "downloading $1"
  mkdir -p "$cache/debs"
  (cd "$cache/debs" && apt-get download -qq -o APT::Sandbox::User=root "$1") \
    >"$log" 2>&1 || die "cannot download $1: $(tail -n 1 "$log")"
  deb=$(echo "$cache/debs/${1%%=*}"_*.deb)
}

# Which kernel the package linux-image-amd64 is for now, and what its modules are built
# with: $abi, the packages $image, $headers, $common, $kbuild, and the $compiler.
choose_kernel() {
  image=$(dependency linux-image-amd64 linux-image-)
  [ -n "$image" ] || die "apt knows no package linux-image-amd64: $(tail -n 1 "$log")"
  abi=${image#linux-image-}
  headers=linux-headers-$abi
  common=$(dependency "$headers" linux-headers-)
  kbuild=$(dependency "$headers" linux-kbuild-)
  # The compiler that this kernel was built with: gcc-12, or linux-compiler-gcc-12-x86
  compiler=$(dependency "$headers" '(linux-compiler-)?gcc-' | grep -o 'gcc-[0-9]*' || true)
  [ -n "$common" ] && [ -n "$kbuild" ] && [ -n "$compiler" ] ||
    die "apt does not say what $headers depends on: $(tail -n 1 "$log")"
}

# Unpacks the chosen kernel, its headers and a busybox into a folder.
unpack_kernel() {
  mkdir -p "$1"
  download "$image"
  # 400 MB of modules, of which the guest needs a few
  dpkg --fsys-tarfile "$deb" | tar -x -C "$1" --wildcards \
    './boot/vmlinuz-*' '*/modules.builtin' '*/drivers/vfio/*' \
    '*/drivers/virtio/*' '*/virt/lib/*' '*/net/9p/*' '*/fs/9p/*' '*/fs/netfs/*' \
    '*/fs/fscache/*' '*/fs/overlayfs/*' 2>"$log" || true # not every kernel has all
  compgen -G "$1/boot/vmlinuz-*" >/dev/null || die "cannot unpack $image: $(tail -n 1 "$log")"
  for package in "$headers" "$common" "$kbuild" busybox-static; do
    download "$package"
    dpkg -x "$deb" "$1"
  done
  # The one absolute path in the headers.
  sed -i "s|^include /usr/src/|include $1/usr/src/|" "$1/usr/src/$headers/Makefile"
}

# Builds the modules of a folder for the unpacked kernel; more words are make's.
build_modules() {
  # Without vmlinux there is no BTF to take the types from; kbuild would warn.
  make -s -C "$root/usr/src/linux-headers-$abi" M="$1" CONFIG_DEBUG_INFO_BTF_MODULES= \
    "${@:2}" modules >"$log" 2>&1 || {
    cat "$log" >&2
    die "cannot build what is in $1"
  }
}

# What the guest and the modules need of this machine; the cache may be another's.
install_tools() {
  local need=()
  command -v qemu-system-x86_64 >/dev/null || need+=(qemu-system-x86)
  [ -x /usr/lib/systemd/systemd ] || need+=(systemd)
  command -v make >/dev/null || need+=(make)
  command -v "$compiler" >/dev/null || need+=("$compiler")
  [[ $(ldconfig -p) == *libelf.so.1* ]] || need+=(libelf1) # for kbuild's objtool
  for package in "${need[@]}"; do
    update
    step "installing $package"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      "$package" >"$log" 2>&1 || die "cannot install $package: $(tail -n 1 "$log")"
  done
}
