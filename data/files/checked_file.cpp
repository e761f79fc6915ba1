// SPDX-License-Identifier: Apache-2.0
#include "data/files/checked_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/hash.h"

namespace bertyard {
namespace {

constexpr std::size_t kWindowBytes = std::size_t{1} << 20;
constexpr std::size_t kHashDigits = 16;

}  // namespace

WorkFile::WorkFile(std::filesystem::path path) : path_(std::move(path)), temporary_(path_) {
  temporary_ += fmt::format(".tmp-{}", ::getpid());
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail("create");
}

WorkFile::~WorkFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void WorkFile::fail(const char* action) const {
  const int error = errno;
  throw IoError(fmt::format("cannot {} {}: {}", action, temporary_.string(), std::strerror(error)));
}

void WorkFile::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write");
    size_ += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void WorkFile::close() {
  const int closed = ::close(std::exchange(descriptor_, -1));
  if (closed == 0 && ::rename(temporary_.c_str(), path_.c_str()) == 0) return;
  const int error = errno;
  ::unlink(temporary_.c_str());
  errno = error;
  fail("complete");
}

void write_checked(const std::filesystem::path& path, std::string_view text) {
  WorkFile file(path);
  file.append(std::as_bytes(std::span(text)));
  const std::string hash = hash_text(xxh3(text));
  file.append(std::as_bytes(std::span(hash)));
  file.close();
}

std::optional<std::string> read_checked(const std::filesystem::path& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file && errno != ENOENT && errno != ENOTDIR) {
    throw IoError(fmt::format("{}: cannot be opened: {}", path.string(), std::strerror(errno)));
  }
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file || text.size() < kHashDigits) return std::nullopt;
  const std::string hash = text.substr(text.size() - kHashDigits);
  text.resize(text.size() - kHashDigits);
  if (hash != hash_text(xxh3(text))) return std::nullopt;
  return text;
}

std::uint64_t hash_range(const std::filesystem::path& path, std::uint64_t begin,
                         std::uint64_t end) {
  const FileReader file(path);
  // Not cleared, so that a small file touches little of it.
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kWindowBytes);
  const std::span window(buffer.get(), kWindowBytes);
  StreamingHash hash;
  while (begin < end) {
    const std::size_t wanted = std::min<std::uint64_t>(window.size(), end - begin);
    const std::size_t size = file.read_some(begin, window.first(wanted));
    hash.update(std::span<const std::byte>(window.first(size)));
    begin += size;
    if (size < wanted) break;
  }
  return hash.digest();
}

FileReader::FileReader(std::filesystem::path path)
    : path_(std::move(path)), descriptor_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ >= 0) return;
  throw DataError(fmt::format("{}: cannot be opened: {}", path_.string(), std::strerror(errno)));
}

FileReader::~FileReader() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FileReader::FileReader(FileReader&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

std::size_t FileReader::read_some(std::uint64_t offset, std::span<std::byte> bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t size = ::pread(descriptor_, bytes.data() + done, bytes.size() - done,
                                 static_cast<off_t>(offset + done));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      throw IoError(fmt::format("{}: cannot be read: {}", path_.string(), std::strerror(errno)));
    }
    if (size == 0) break;
    done += static_cast<std::size_t>(size);
  }
  return done;
}

void FileReader::read(std::uint64_t offset, std::span<std::byte> bytes) const {
  if (read_some(offset, bytes) == bytes.size()) return;
  throw DataError(fmt::format("{}: ends before byte {}; it was cut, run prepare again",
                              path_.string(), offset + bytes.size()));
}

}  // namespace bertyard
