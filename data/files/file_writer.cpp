// SPDX-License-Identifier: Apache-2.0
#include "data/files/file_writer.h"

#include <cerrno>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace bertyard {
namespace {

// Calls `write(bytes, done)` until nothing is left.
template <typename Write>
void write_all(std::span<const std::byte> bytes, const std::filesystem::path& path, Write write) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const std::ptrdiff_t written = write(bytes.subspan(done), done);
    if (written < 0 && errno == EINTR) continue;
    require_io(written, "write", path);
    if (written == 0) fail_io("write", path, ENOSPC);
    done += static_cast<std::size_t>(written);
  }
}

}  // namespace

FileWriter::FileWriter(std::filesystem::path path, OpenFor mode, const FileCalls& calls)
    : path_(std::move(path)), calls_(&calls) {
  const int mode_flag = mode == OpenFor::append ? O_APPEND : O_TRUNC;
  descriptor_ = calls_->open(path_.string(), O_WRONLY | O_CREAT | mode_flag);
  require_io(descriptor_, "create", path_);
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
  write_all(bytes, path_, [this](std::span<const std::byte> rest, std::size_t) {
    return calls_->write(descriptor_, rest.data(), rest.size());
  });
}

void FileWriter::write(std::string_view text) {
  write(std::as_bytes(std::span(text.data(), text.size())));
}

void FileWriter::reserve(std::uint64_t bytes) {
  int result = 0;
  do {
    result = calls_->reserve(descriptor_, bytes);
  } while (result < 0 && errno == EINTR);
  const int error = result < 0 ? errno : 0;
  // A file system that cannot promise room says so at the writing instead.
  if (error != 0 && error != EOPNOTSUPP && error != EINVAL) {
    fail_io("reserve " + std::to_string(bytes) + " bytes for", path_, error);
  }
}

void FileWriter::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  write_all(bytes, path_, [this, offset](std::span<const std::byte> rest, std::size_t done) {
    return calls_->write_at(descriptor_, rest.data(), rest.size(), offset + done);
  });
}

void FileWriter::sync() {
  require_io(calls_->sync(descriptor_), "sync", path_);
}

void FileWriter::truncate(std::uint64_t bytes) {
  require_io(calls_->truncate(descriptor_, bytes), "truncate", path_);
}

void FileWriter::finish() {
  sync();
  // What is read back to be verified then comes from the disk and not from the cache.
  ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_DONTNEED);
  require_io(calls_->close(std::exchange(descriptor_, -1)), "close", path_);
}

std::string read_file(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  require_io(descriptor, "open", path);
  std::string contents;
  char block[1 << 16];
  for (;;) {
    const ::ssize_t count = ::read(descriptor, block, sizeof block);
    if (count < 0 && errno == EINTR) continue;
    const int error = errno;
    if (count <= 0) ::close(descriptor);
    if (count < 0) fail_io("read", path, error);
    if (count == 0) return contents;
    contents.append(block, static_cast<std::size_t>(count));
  }
}

FileDigest digest_of_file(const std::filesystem::path& path, const FileCalls& calls) {
  constexpr std::size_t kBlock = 1 << 20;
  const int descriptor = calls.open(path.string(), O_RDONLY);
  require_io(descriptor, "open", path);
  std::vector<std::byte> block(kBlock);
  StreamingHash hash;
  FileDigest digest;
  for (;;) {
    const std::ptrdiff_t count = calls.read(descriptor, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    const int error = errno;
    if (count <= 0) ::close(descriptor);
    if (count < 0) fail_io("read", path, error);
    if (count == 0) break;
    hash.update(std::span(block).first(static_cast<std::size_t>(count)));
    digest.bytes += static_cast<std::uint64_t>(count);
  }
  digest.hash = hash.digest();
  return digest;
}

}  // namespace bertyard
