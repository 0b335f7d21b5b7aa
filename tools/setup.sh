#!/bin/bash
# Installs what building Sheaf needs and is missing, on Debian 12: the tools and
# libraries, and with --bench the peers that the benchmark runs beside us.
# Says nothing and touches nothing when all of it is there.
set -euo pipefail

packages=(
  ninja-build ccache cmake g++ pkg-config lld clang clang-format clang-tidy
  libclang-rt-14-dev libabsl-dev libgtest-dev libgmock-dev libbenchmark-dev liblz4-dev
  libzstd-dev libssl-dev libhnswlib-dev libisal-dev libcli11-dev libsimdjson-dev libroaring-dev
  libre2-dev libedit-dev nlohmann-json3-dev libhwy-dev wordnet-base graphviz
)
for argument in "$@"; do
  case "$argument" in
    --bench)
      packages+=(liblmdb-dev librocksdb-dev libleveldb-dev libwiredtiger-dev libsqlite3-dev
                 libfaiss-dev libblas-dev liblapack-dev) ;;
    *)
      echo "usage: tools/setup.sh [--bench]" >&2
      exit 2 ;;
  esac
done

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $state == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: not root and no sudo; please install: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1
}

echo "setup: installing ${missing[*]}"
# The package lists may be absent or too old to name files that still exist.
if ! apt install -y --no-install-recommends "${missing[@]}"; then
  apt update || true
  if ! apt install -y --no-install-recommends "${missing[@]}"; then
    echo "setup: installation failed:" >&2
    # Without addresses: where packages come from is this machine's business.
    sed -E 's#[a-z+]+://[^ ]+#(address)#g' "$log" | tail -n 20 >&2
    exit 1
  fi
fi
