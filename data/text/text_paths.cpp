// SPDX-License-Identifier: Apache-2.0
#include "data/text/text_paths.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <glob.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

bool is_hidden(const fs::path& path) {
  return path.filename().string().starts_with('.');
}

void refuse_link_to_nothing(std::string_view what, const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_symlink(path, ignored) || fs::exists(path, ignored)) return;
  throw DataError(fmt::format("{}: {} is a link to nothing; is the text still to be fetched?", what,
                              path.string()));
}

std::vector<std::string> files_below(std::string_view what, const std::string& directory) {
  std::vector<std::string> paths;
  try {
    for (auto entry = fs::recursive_directory_iterator(directory);
         entry != fs::recursive_directory_iterator(); ++entry) {
      if (is_hidden(entry->path())) {
        entry.disable_recursion_pending();
      } else if (entry->is_regular_file()) {
        paths.push_back(entry->path().string());
      } else {
        refuse_link_to_nothing(what, entry->path());
      }
    }
  } catch (const fs::filesystem_error& error) {
    throw DataError(fmt::format("{}: directory {} cannot be read: {}", what, directory,
                                error.code().message()));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

void append(std::vector<std::string> more, std::vector<std::string>& paths) {
  paths.insert(paths.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
}

void append_matches(std::string_view what, const std::string& pattern,
                    std::vector<std::string>& paths) {
  glob_t found{};
  const int status = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<std::string> matches;
  if (status == 0) matches.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  std::sort(matches.begin(), matches.end());
  const std::size_t before = paths.size();
  std::error_code ignored;
  for (const std::string& match : matches) {
    refuse_link_to_nothing(what, match);
    if (fs::is_directory(match, ignored)) {
      append(files_below(what, match), paths);
    } else {
      paths.push_back(match);
    }
  }
  if (paths.size() == before) {
    throw DataError(fmt::format("{}: no file matches '{}'", what, pattern));
  }
}

}  // namespace

std::vector<std::string> expand_text_paths(std::string_view what,
                                           std::span<const std::string> entries) {
  if (entries.empty()) {
    throw DataError(fmt::format("{} is empty, expected files, directories, globs or '-'", what));
  }
  std::vector<std::string> paths;
  for (const std::string& entry : entries) {
    std::error_code ignored;
    if (fs::is_directory(entry, ignored)) {
      std::vector<std::string> files = files_below(what, entry);
      if (files.empty()) {
        throw DataError(fmt::format("{}: directory {} holds no file", what, entry));
      }
      append(std::move(files), paths);
    } else if (entry == "-" || fs::exists(entry, ignored)) {
      if (entry == "-" && std::find(paths.begin(), paths.end(), entry) != paths.end()) {
        throw DataError(fmt::format("{}: standard input, '-', is named twice", what));
      }
      paths.push_back(entry);
    } else if (entry.find_first_of("*?[") != std::string::npos) {
      append_matches(what, entry, paths);
    } else {
      throw DataError(fmt::format("{}: {} does not exist", what, entry));
    }
  }
  return paths;
}

std::vector<std::string> repeated_paths(std::span<const std::string> paths) {
  std::set<fs::path> met;
  std::vector<std::string> repeated;
  for (const std::string& path : paths) {
    if (!met.insert(fs::absolute(path).lexically_normal()).second) repeated.push_back(path);
  }
  return repeated;
}

}  // namespace bertyard
