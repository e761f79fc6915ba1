# SPDX-License-Identifier: Apache-2.0
# Reads the table of who may include whom (named by -v table=FILE), then source files, and prints
# what is against it.

function regex_of(pattern) {
  gsub(/\./, "[.]", pattern)
  gsub(/\*\*/, "@", pattern)
  gsub(/\*/, "[^/]*", pattern)
  gsub(/@/, ".*", pattern)
  return "^" pattern (pattern ~ /\/$/ ? "" : "$")
}

# "a/ b*.h" as one regular expression; an empty list matches nothing.
function any_of(list,    words, count, i, result) {
  count = split(list, words, " ")
  for (i = 1; i <= count; i++) result = result (i > 1 ? "|" : "") regex_of(words[i])
  return count ? result : "^$"
}

function read_row(    cell) {
  split($0, cell, /[ \t]*[|][ \t]*/)
  gsub(/pages/, "core/base/ core/tensor/ core/backend/*.h", cell[2])
  gsub(/posix/, "unistd.h fcntl.h glob.h sched.h poll.h spawn.h ifaddrs.h net/if.h sys/*", cell[3])
  rows++
  pattern[rows] = cell[1]
  ours[rows] = cell[2]
  others[rows] = cell[3]
}

function complain(text) {
  print FILENAME ":" FNR ": " text
  failures++
}

# What shows only when the whole file has been read.
function finish_file() {
  if (!header) return
  if (!once) print file ": a header says #pragma once"
  if (lines > 200) print file ": " lines " lines, a header has at most 200"
  failures += !once + (lines > 200)
}

function start_file() {
  finish_file()
  file = FILENAME
  header = file ~ /[.]c?u?h$/
  once = 0
  for (row = 1; row <= rows; row++) if (file ~ regex_of(pattern[row])) break
  may_include_ours = any_of(ours[row])
  may_include_others = any_of(others[row])
  if (row > rows) complain("no row of " table " is for this file")
  if (file ~ /[.]cuh?$/ && file !~ /^(core\/backend\/cuda|tests|bench)\//)
    complain("CUDA source outside core/backend/cuda")
}

function check_ours(name) {
  if (name !~ may_include_ours || name ~ /[.][.]/)
    complain("may not include \"" name "\"; " pattern[row] " has: " ours[row])
}

function check_others(name) {
  if (name ~ /^[a-z_0-9]+$/) return # the standard library
  if (name !~ may_include_others)
    complain("may not include <" name ">; " pattern[row] " has: " others[row])
  else if (header && pattern[row] !~ /[.]c?u?h$/)
    complain("<" name "> in a header; include it in the .cpp")
}

FILENAME == table {
  if ($0 !~ /^#/ && NF) read_row()
  next
}
FNR == 1 { start_file() }
{ lines = FNR }
/^#pragma once/ { once = 1 }
/^[ \t]*using[ \t]+namespace/ && header { complain("`using namespace` in a header") }
/^[ \t]*#[ \t]*(if|elif)/ && file !~ /^core\/(backend\/(cpu|cuda)\/|base\/(host_device|philox_vector)[.]h$)/ {
  complain("conditional compilation; let CMake choose between two files")
}
/^[ \t]*#[ \t]*include/ && row <= rows {
  if (match($0, /"[^"]*"/)) check_ours(substr($0, RSTART + 1, RLENGTH - 2))
  else if (match($0, /<[^>]*>/)) check_others(substr($0, RSTART + 1, RLENGTH - 2))
  else complain("an include that does not name its header")
}
END {
  finish_file()
  exit failures ? 1 : 0
}
