// SPDX-License-Identifier: Apache-2.0
#include "data/text/byte_source.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

constexpr std::size_t kInputBytes = std::size_t{1} << 18;
constexpr std::string_view kGzipMagic = "\x1F\x8B";
constexpr std::string_view kZstdMagic = "\x28\xB5\x2F\xFD";

// The bytes of a file as they are, with a look at the first of them. Owns the file, standard input
// excepted.
class FileBytes {
 public:
  explicit FileBytes(const std::string& path)
      : name_(path == "-" ? "standard input" : path),
        file_(path == "-" ? stdin : std::fopen(path.c_str(), "rb")) {
    if (file_ == nullptr) {
      throw DataError(
          fmt::format("text file {} cannot be opened: {}", name_, std::strerror(errno)));
    }
    struct stat status {};
    if (::fstat(::fileno(file_), &status) == 0 && S_ISDIR(status.st_mode)) {
      close();
      throw DataError(fmt::format("{} is a directory, expected a text file", name_));
    }
    head_size_ = std::fread(head_.data(), 1, head_.size(), file_);
  }
  ~FileBytes() { close(); }
  FileBytes(FileBytes&& other) noexcept
      : name_(std::move(other.name_)),
        file_(std::exchange(other.file_, nullptr)),
        head_(other.head_),
        head_begin_(other.head_begin_),
        head_size_(other.head_size_) {}
  FileBytes& operator=(FileBytes&&) = delete;

  const std::string& name() const { return name_; }
  std::string_view head() const { return {head_.data(), head_size_}; }
  bool is_regular() const {
    struct stat status {};
    return ::fstat(::fileno(file_), &status) == 0 && S_ISREG(status.st_mode);
  }
  void seek(std::uint64_t begin) {
    head_begin_ = head_size_;
    if (::fseeko(file_, static_cast<off_t>(begin), SEEK_SET) == 0) return;
    throw IoError(fmt::format("seeking in {} failed: {}", name_, std::strerror(errno)));
  }

  std::size_t read(std::span<char> buffer) {
    std::size_t size = std::min(buffer.size(), head_size_ - head_begin_);
    std::copy_n(head_.data() + head_begin_, size, buffer.data());
    head_begin_ += size;
    if (size == 0) size = std::fread(buffer.data(), 1, buffer.size(), file_);
    if (size == 0 && std::ferror(file_) != 0) {
      throw IoError(fmt::format("reading {} failed: {}", name_, std::strerror(errno)));
    }
    return size;
  }

 private:
  void close() {
    if (file_ != nullptr && file_ != stdin) std::fclose(file_);
    file_ = nullptr;
  }

  std::string name_;
  std::FILE* file_;
  std::array<char, 8> head_{};
  std::size_t head_begin_ = 0;
  std::size_t head_size_ = 0;
};

class PlainSource : public ByteSource {
 public:
  explicit PlainSource(FileBytes bytes) : bytes_(std::move(bytes)) {}
  std::size_t read(std::span<char> buffer) override { return bytes_.read(buffer); }

 private:
  FileBytes bytes_;
};

[[noreturn]] void throw_damaged(const FileBytes& bytes, std::string_view format,
                                std::string_view reason) {
  throw DataError(fmt::format("{} is a damaged {} file: {}; compress it again from its source",
                              bytes.name(), format, reason));
}

[[noreturn]] void throw_truncated(const FileBytes& bytes, std::string_view format) {
  throw DataError(
      fmt::format("{} ends in the middle of its {} data; the file was cut, copy it again",
                  bytes.name(), format));
}

class GzipSource : public ByteSource {
 public:
  explicit GzipSource(FileBytes bytes) : bytes_(std::move(bytes)), input_(kInputBytes) {
    constexpr int kGzipOnly = 16;
    if (inflateInit2(&stream_, MAX_WBITS + kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  std::size_t read(std::span<char> buffer) override {
    stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream_.avail_out = static_cast<uInt>(buffer.size());
    while (stream_.avail_out == buffer.size()) {
      if (stream_.avail_in == 0 && !refill()) {
        if (inside_member_) throw_truncated(bytes_, "gzip");
        return 0;
      }
      if (!inside_member_ && !begin_member()) continue;
      inflate_some();
    }
    return buffer.size() - stream_.avail_out;
  }

 private:
  bool refill() {
    const std::size_t size = bytes_.read(input_);
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(size);
    return size > 0;
  }

  // Zeros after a member are padding, as gzip itself takes them; anything else is a new member.
  bool begin_member() {
    while (members_ > 0 && stream_.avail_in > 0 && *stream_.next_in == 0) {
      ++stream_.next_in;
      --stream_.avail_in;
    }
    if (stream_.avail_in == 0) return false;
    inflateReset(&stream_);
    inside_member_ = true;
    return true;
  }

  void inflate_some() {
    const int status = inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {
      inside_member_ = false;
      ++members_;
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      throw_damaged(bytes_, "gzip", stream_.msg != nullptr ? stream_.msg : "no gzip data");
    }
  }

  FileBytes bytes_;
  std::vector<char> input_;
  z_stream stream_{};
  std::uint64_t members_ = 0;
  bool inside_member_ = false;
};

class ZstdSource : public ByteSource {
 public:
  explicit ZstdSource(FileBytes bytes)
      : bytes_(std::move(bytes)), input_(kInputBytes), stream_(ZSTD_createDStream()) {
    if (!stream_) throw std::bad_alloc();
  }

  std::size_t read(std::span<char> buffer) override {
    ZSTD_outBuffer output{buffer.data(), buffer.size(), 0};
    while (output.pos == 0) {
      if (pending_.pos == pending_.size && !refill()) {
        // What the decoder still holds comes without further input.
        if (!inside_frame_) return 0;
        decompress(output);
        if (output.pos == 0 && inside_frame_) throw_truncated(bytes_, "zstd");
        break;
      }
      decompress(output);
    }
    return output.pos;
  }

 private:
  bool refill() {
    pending_ = {input_.data(), bytes_.read(input_), 0};
    return pending_.size > 0;
  }

  void decompress(ZSTD_outBuffer& output) {
    const std::size_t left = ZSTD_decompressStream(stream_.get(), &output, &pending_);
    if (ZSTD_isError(left) != 0) throw_damaged(bytes_, "zstd", ZSTD_getErrorName(left));
    inside_frame_ = left != 0;
  }

  struct Free {
    void operator()(ZSTD_DStream* stream) const noexcept { ZSTD_freeDStream(stream); }
  };

  FileBytes bytes_;
  std::vector<char> input_;
  ZSTD_inBuffer pending_{nullptr, 0, 0};
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  bool inside_frame_ = false;
};

void refuse_other_compressions(const FileBytes& bytes) {
  constexpr std::pair<std::string_view, std::string_view> kOthers[] = {
      {".bz2", "bzip2"}, {".xz", "xz"}, {".lz4", "lz4"}, {".zip", "zip"}, {".7z", "7-Zip"}};
  for (const auto& [ending, format] : kOthers) {
    if (bytes.name().ends_with(ending)) {
      throw DataError(
          fmt::format("{} is named as {} data, which bertyard does not read; use plain "
                      "text, gzip or zstd",
                      bytes.name(), format));
    }
  }
}

void require_magic(const FileBytes& bytes, std::string_view ending, std::string_view format) {
  if (!bytes.name().ends_with(ending)) return;
  throw DataError(fmt::format("{} is named {} but does not begin as {} data do; it is {}",
                              bytes.name(), ending, format,
                              bytes.head().empty() ? "empty" : "of another format"));
}

}  // namespace

bool can_be_split(const std::string& path) {
  const FileBytes bytes(path);
  const bool compressed =
      bytes.head().starts_with(kGzipMagic) || bytes.head().starts_with(kZstdMagic);
  return !compressed && bytes.is_regular();
}

std::unique_ptr<ByteSource> open_byte_source(const std::string& path, std::uint64_t begin) {
  if (begin == 0) return open_byte_source(path);
  FileBytes bytes(path);
  bytes.seek(begin);
  return std::make_unique<PlainSource>(std::move(bytes));
}

std::unique_ptr<ByteSource> open_byte_source(const std::string& path) {
  FileBytes bytes(path);
  refuse_other_compressions(bytes);
  if (bytes.head().starts_with(kGzipMagic)) return std::make_unique<GzipSource>(std::move(bytes));
  if (bytes.head().starts_with(kZstdMagic)) return std::make_unique<ZstdSource>(std::move(bytes));
  require_magic(bytes, ".gz", "gzip");
  require_magic(bytes, ".zst", "zstd");
  return std::make_unique<PlainSource>(std::move(bytes));
}

}  // namespace bertyard
