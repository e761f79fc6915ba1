// SPDX-License-Identifier: Apache-2.0
#include "data/files/atomic_file.h"

#include <cerrno>
#include <utility>

#include "data/files/directories.h"

namespace bertyard {

namespace fs = std::filesystem;

AtomicFile::AtomicFile(fs::path path, const FileCalls& calls)
    : path_(std::move(path)),
      calls_(calls),
      writer_(temporary_name(path_), OpenFor::create, calls) {}

AtomicFile::~AtomicFile() {
  if (!committed_) calls_.remove(writer_.path().string());
}

void AtomicFile::commit() {
  writer_.finish();
  require_io(calls_.rename(writer_.path().string(), path_.string()), "rename a file to", path_);
  committed_ = true;
  sync_parent(path_, calls_);
}

AtomicDirectory::AtomicDirectory(fs::path path, const FileCalls& calls)
    : path_(std::move(path)), temporary_(temporary_name(path_)), calls_(calls) {
  discard_tree(temporary_, calls_);
  require_io(calls_.make_directory(temporary_.string()), "create directory", temporary_);
}

AtomicDirectory::~AtomicDirectory() {
  if (!committed_) discard_tree(temporary_, calls_);
}

void AtomicDirectory::commit() {
  sync_directory(temporary_, calls_);
  const fs::path aside = temporary_.string() + ".replaced";
  const bool replaces = fs::exists(fs::symlink_status(path_));
  if (replaces) {
    discard_tree(aside, calls_);
    require_io(calls_.rename(path_.string(), aside.string()), "move aside", path_);
  }
  require_io(calls_.rename(temporary_.string(), path_.string()), "rename a directory to", path_);
  committed_ = true;
  sync_parent(path_, calls_);
  if (replaces) discard_tree(aside, calls_);
}

void write_file_atomically(const fs::path& path, std::string_view contents,
                           const FileCalls& calls) {
  AtomicFile file(path, calls);
  file.writer().write(contents);
  file.commit();
}

void swap_symlink(const fs::path& link, const std::string& target, const FileCalls& calls) {
  const fs::path temporary = temporary_name(link);
  calls.remove(temporary.string());
  require_io(calls.make_symlink(target, temporary.string()), "create link", temporary);
  if (calls.rename(temporary.string(), link.string()) < 0) {
    const int error = errno;
    calls.remove(temporary.string());
    fail_io("swap link", link, error);
  }
  sync_parent(link, calls);
}

}  // namespace bertyard
