#!/bin/sh
# Builds an image of vidstyle with buildah, without a daemon:
#   sh container/build.sh cpu|cuda [OPTION OF buildah build ...]
# With DEBIAN_MIRROR=http://deb.debian.org/debian in the environment, the base is made by debootstrap (as root), where no
# registry of images can be reached.
set -eu
cd "$(dirname "$0")/.."
target=$1
shift
store="--storage-driver ${STORAGE_DRIVER:-vfs}"
base=${BASE:-}
if [ -n "${DEBIAN_MIRROR:-}" ]; then
  base=localhost/vidstyle-base
  root=$(mktemp -d)
  trap 'rm -rf "$root"' EXIT
  debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv bookworm "$root" "$DEBIAN_MIRROR"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  container=$(buildah $store from scratch)
  buildah $store add --quiet "$container" "$root" /
  buildah $store commit --rm --quiet "$container" "$base"
fi
buildah $store build --isolation chroot --target "$target" ${base:+--build-arg BASE="$base"} \
  --file container/Containerfile --ignorefile container/ignored --tag "vidstyle:$target" "$@" .
buildah $store images --format '{{.Name}}:{{.Tag}} {{.Size}}' | grep vidstyle
