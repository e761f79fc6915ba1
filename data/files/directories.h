// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "data/files/file_calls.h"

namespace bertyard {

// Temporary names begin so; what a killed process left under such a name may be removed by whoever
// owns the directory.
inline constexpr std::string_view kTemporaryPrefix = ".tmp-";

// A name beside `path`, with the process id in it: two processes that write one file do not write
// into each other.
std::filesystem::path temporary_name(const std::filesystem::path& path);

void make_directories(const std::filesystem::path& path);

// Makes renames and removals within `directory` last through a loss of power, where its file system
// and its permissions allow that.
void sync_directory(const std::filesystem::path& directory, const FileCalls& calls = FileCalls());
void sync_parent(const std::filesystem::path& path, const FileCalls& calls);

// What is in `directory`, in no order; nothing where the directory is not there.
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& directory);

// Removes `path` with everything in it as far as it can: for use while another failure is reported.
void discard_tree(const std::filesystem::path& path, const FileCalls& calls) noexcept;

// Removes a directory with everything in it, renaming it first, so that an interruption leaves a
// temporary name and never half a directory under its own.
void remove_directory(const std::filesystem::path& path, const FileCalls& calls = FileCalls());

// Removes what killed processes left in `directory`: every entry whose name begins with `prefix`.
void remove_leftovers(const std::filesystem::path& directory, std::string_view prefix,
                      const FileCalls& calls = FileCalls());

}  // namespace bertyard
