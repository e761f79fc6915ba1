#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# gpu_check starts on any machine. Where it finds no GPU it says so first, skips every test of one
# with that reason, passes none of them, and ends well; its bench of a GPU ends with 4. Where there
# is a GPU every test has to pass.
#   check_start.sh PROGRAM
set -euo pipefail
program=$1

fail() {
  echo "check_start.sh: $1" >&2
  exit 1
}

text=$("$program") || fail "$program: exit code $?
$(grep -v '^\[ *\(OK\|RUN\|---\)' <<<"$text" | tail -60)"
first=${text%%$'\n'*}
echo "$first"
none='no usable GPU, so every test of one is skipped: '
case $first in
  'GPU: '*) exit 0 ;;
  "$none"*) reason=${first#"$none"} ;;
  *) fail "the first line says neither which GPU there is nor why none" ;;
esac

of_a_gpu='GpuDevice\.|cuda_'
run=$(grep -cE "^\[ RUN      \] .*($of_a_gpu)" <<<"$text")
skipped=$(grep -cE "^\[  SKIPPED \] .*($of_a_gpu).* \([0-9]+ ms\)" <<<"$text")
reasons=$(grep -cF "$reason" <<<"$text")
passed=$(grep -cE '^\[       OK \]' <<<"$text")
[ "$run" -ge 50 ] || fail "$run tests of a GPU, expected at least 50"
[ "$skipped" = "$run" ] || fail "$run tests of a GPU, $skipped of them skipped"
[ "$reasons" -ge "$run" ] || fail "the reason stands beside $reasons of $run skipped tests"
[ "$passed" -ge 20 ] || fail "$passed tests of the CPU passed, expected at least 20"

code=0
said=$("$program" bench 2>&1) || code=$?
[ "$code" = 4 ] || fail "bench: exit code $code, expected 4: $said"
grep -qF "$reason" <<<"$said" || fail "bench does not say '$reason': $said"
echo "$skipped tests of a GPU skipped for that, $passed of the CPU passed"
