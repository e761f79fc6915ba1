#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# installed_package.sh BUILD SCRATCH [CMAKE_OPTION...]: installs BUILD, moves what was installed, and
# uses it from there: the program, and the package from a project of its own.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
scratch=$2
shift 2
fail() {
  echo "FAIL: $1"
  exit 1
}

rm -rf "$scratch"
cmake --install "$build" --prefix "$scratch/first" >"$scratch.log" || fail "$(cat "$scratch.log")"
mv "$scratch/first" "$scratch/moved"
prefix=$scratch/moved

find "$prefix" -name '*.cmake' -exec grep -lF -e "$build" -e "$scratch" {} + >"$scratch.log" &&
  fail "paths of the build in $(cat "$scratch.log")"
[ -f "$prefix/share/doc/bertyard/LICENSE" ] || fail "no licence"
[ -f "$prefix/share/bertyard/presets/bert-tiny.yaml" ] || fail "no presets"
find "$prefix/include" -path '*/backend/cpu*' | grep -q . && fail "headers of the CPU backend"

cd "$scratch"
"$prefix/bin/bertyard" version
"$prefix/bin/bertyard" init bert-tiny run
"$prefix/bin/bertyard" config run/run.yaml | grep -q 'layers: 2' || fail "init without its preset"

cmake -S "$here/consumer" -B "$scratch/build" -D CMAKE_PREFIX_PATH="$prefix" "$@"
cmake --build "$scratch/build"
"$scratch/build/consumer"
ldd "$scratch/build/consumer" | grep 'libopenblas.*openblas-openmp' ||
  fail "the consumer loads another OpenBLAS than the openmp flavour"

# refuses TEXT SOURCE [CMAKE_OPTION...]: the configuration of SOURCE fails and says TEXT.
refuses() {
  text=$1
  source=$2
  shift 2
  rm -rf "$scratch/refused"
  if cmake -S "$source" -B "$scratch/refused" -D CMAKE_PREFIX_PATH="$prefix" "$@" \
    >"$scratch.log" 2>&1; then
    fail "accepted, expected: $text"
  fi
  tr -s ' \n' ' ' <"$scratch.log" | grep -qF "$text" || fail "$(cat "$scratch.log")"
}
sed 's/find_package(bertyard 0.1 /find_package(bertyard 0.2 /' "$here/consumer/CMakeLists.txt" \
  >"$scratch/CMakeLists.txt"
refuses 'compatible with requested version "0.2"' "$scratch" "$@"
PKG_CONFIG_LIBDIR=$scratch
export PKG_CONFIG_LIBDIR
refuses 'its static libraries need libxxhash, which pkg-config does not find' "$here/consumer" "$@"
rm -rf "$scratch" "$scratch.log"
