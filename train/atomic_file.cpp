// SPDX-License-Identifier: Apache-2.0
#include "train/atomic_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(std::string_view action, const fs::path& path, int error) {
  std::string advice;
  if (error == ENOSPC || error == EDQUOT) advice = "; free some space and start again";
  if (error == EACCES || error == EROFS) advice = "; choose a directory that you may write to";
  throw IoError(
      fmt::format("cannot {} {}: {}{}", action, path.string(), std::strerror(error), advice));
}

void require(int result, std::string_view action, const fs::path& path) {
  if (result < 0) fail(action, path, errno);
}

// Process id in the name: two processes that write one file do not write into each other.
fs::path temporary_name(const fs::path& path) {
  return path.parent_path() /
         fmt::format("{}{}-{}", kTemporaryPrefix, path.filename().string(), ::getpid());
}

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// Best effort: it runs while another failure is being reported.
void discard_tree(const fs::path& path, const FileCalls& calls) noexcept {
  try {
    std::error_code ignored;
    if (fs::is_directory(fs::symlink_status(path, ignored))) {
      for (const fs::path& entry : entries_of(path)) discard_tree(entry, calls);
    }
    calls.remove(path.string());
  } catch (const std::exception&) {
    return;
  }
}

}  // namespace

FileWriter::FileWriter(fs::path path, OpenFor mode, const FileCalls& calls)
    : path_(std::move(path)), calls_(&calls) {
  const int mode_flag = mode == OpenFor::append ? O_APPEND : O_TRUNC;
  descriptor_ = calls_->open(path_.string(), O_WRONLY | O_CREAT | mode_flag);
  if (descriptor_ < 0) fail("create", path_, errno);
}

FileWriter::~FileWriter() {
  if (descriptor_ >= 0) calls_->close(descriptor_);
}

FileWriter::FileWriter(FileWriter&& other) noexcept
    : path_(std::move(other.path_)),
      calls_(other.calls_),
      descriptor_(std::exchange(other.descriptor_, -1)),
      bytes_(other.bytes_),
      hash_(std::move(other.hash_)) {}

void FileWriter::write(std::span<const std::byte> bytes) {
  hash_.update(bytes);
  bytes_ += bytes.size();
  while (!bytes.empty()) {
    const std::ptrdiff_t written = calls_->write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", path_, errno);
    if (written == 0) fail("write", path_, ENOSPC);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void FileWriter::write(std::string_view text) {
  write(std::as_bytes(std::span(text.data(), text.size())));
}

void FileWriter::sync() {
  require(calls_->sync(descriptor_), "sync", path_);
}

void FileWriter::truncate(std::uint64_t bytes) {
  require(calls_->truncate(descriptor_, bytes), "truncate", path_);
}

void FileWriter::finish() {
  sync();
  // What is read back to be verified then comes from the disk and not from the cache.
  ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_DONTNEED);
  require(calls_->close(std::exchange(descriptor_, -1)), "close", path_);
}

AtomicFile::AtomicFile(fs::path path, const FileCalls& calls)
    : path_(std::move(path)),
      calls_(calls),
      writer_(temporary_name(path_), OpenFor::create, calls) {}

AtomicFile::~AtomicFile() {
  if (!committed_) calls_.remove(writer_.path().string());
}

void AtomicFile::commit() {
  writer_.finish();
  require(calls_.rename(writer_.path().string(), path_.string()), "rename a file to", path_);
  committed_ = true;
  sync_directory(parent_of(path_), calls_);
}

AtomicDirectory::AtomicDirectory(fs::path path, const FileCalls& calls)
    : path_(std::move(path)), temporary_(temporary_name(path_)), calls_(calls) {
  discard_tree(temporary_, calls_);
  require(calls_.make_directory(temporary_.string()), "create directory", temporary_);
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
    require(calls_.rename(path_.string(), aside.string()), "move aside", path_);
  }
  require(calls_.rename(temporary_.string(), path_.string()), "rename a directory to", path_);
  committed_ = true;
  sync_directory(parent_of(path_), calls_);
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
  require(calls.make_symlink(target, temporary.string()), "create link", temporary);
  if (calls.rename(temporary.string(), link.string()) < 0) {
    const int error = errno;
    calls.remove(temporary.string());
    fail("swap link", link, error);
  }
  sync_directory(parent_of(link), calls);
}

void make_directories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) fail("create directory", path, error.value());
}

void sync_directory(const fs::path& path, const FileCalls& calls) {
  const int descriptor = calls.open(path.string(), O_RDONLY | O_DIRECTORY);
  require(descriptor, "open directory", path);
  const int result = calls.sync(descriptor);
  const int error = errno;
  calls.close(descriptor);
  // Some network file systems refuse to sync a directory; their rename is durable by itself.
  if (result < 0 && error != EINVAL) fail("sync directory", path, error);
}

void remove_directory(const fs::path& path, const FileCalls& calls) {
  const fs::path aside = temporary_name(path);
  discard_tree(aside, calls);
  require(calls.rename(path.string(), aside.string()), "remove", path);
  discard_tree(aside, calls);
}

std::vector<fs::path> entries_of(const fs::path& directory) {
  std::vector<fs::path> entries;
  std::error_code error;
  fs::directory_iterator at(directory, error);
  while (!error && at != fs::directory_iterator()) {
    entries.push_back(at->path());
    at.increment(error);
  }
  // Unreadable is not the same as empty: a run must not start anew because a mount is sick.
  if (error && error != std::errc::no_such_file_or_directory)
    fail("list", directory, error.value());
  return entries;
}

void remove_leftovers(const fs::path& directory, std::string_view prefix, const FileCalls& calls) {
  for (const fs::path& entry : entries_of(directory)) {
    if (entry.filename().string().starts_with(prefix)) discard_tree(entry, calls);
  }
}

std::string read_file(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  require(descriptor, "open", path);
  std::string contents;
  char block[1 << 16];
  for (;;) {
    const ::ssize_t count = ::read(descriptor, block, sizeof block);
    if (count < 0 && errno == EINTR) continue;
    const int error = errno;
    if (count <= 0) ::close(descriptor);
    if (count < 0) fail("read", path, error);
    if (count == 0) return contents;
    contents.append(block, static_cast<std::size_t>(count));
  }
}

}  // namespace bertyard
