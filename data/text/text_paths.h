// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bertyard {

// The files that a list of files, directories, globs and "-" (standard input) stands for, in the
// order of the list: a directory's files recursively and a glob's matches (of its directories the
// files), each sorted by path (byte order). Hidden files are left out and links to directories
// inside a directory not followed. Throws DataError when the list is empty, or an entry is missing
// or stands for no file; the message begins with `what`, the key or option that holds the list.
std::vector<std::string> expand_text_paths(std::string_view what,
                                           std::span<const std::string> entries);

// Every path that one before it is the same as, once they are absolute and without "." and "..":
// links are not followed.
std::vector<std::string> repeated_paths(std::span<const std::string> paths);

}  // namespace bertyard
