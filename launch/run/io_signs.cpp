// SPDX-License-Identifier: Apache-2.0
#include "launch/run/io_signs.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace bertyard {
namespace {

constexpr std::chrono::milliseconds kInterval{250};

// The number behind "rchar: ".
std::uint64_t number_behind(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  return at == std::string_view::npos ? 0
                                      : std::strtoull(text.data() + at + name.size(), nullptr, 10);
}

// The file with the counts, whose reading counts too.
class IoCounts {
 public:
  IoCounts() : descriptor_(::open("/proc/self/io", O_RDONLY | O_CLOEXEC)) {}
  ~IoCounts() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  IoCounts(const IoCounts&) = delete;
  IoCounts& operator=(const IoCounts&) = delete;

  // Bytes read and written so far but for those of this file.
  std::optional<std::uint64_t> read() {
    std::array<char, 512> text{};
    const ssize_t count = ::pread(descriptor_, text.data(), text.size() - 1, 0);
    if (count <= 0) return std::nullopt;
    const std::uint64_t bytes =
        number_behind(text.data(), "rchar: ") + number_behind(text.data(), "wchar: ") - own_;
    own_ += static_cast<std::uint64_t>(count);
    return bytes;
  }

 private:
  int descriptor_;
  std::uint64_t own_ = 0;
};

}  // namespace

bool IoSigns::are_counted() {
  return IoCounts().read().has_value();
}

IoSigns::IoSigns(std::function<void()> moved)
    : moved_(std::move(moved)), thread_([this] { work(); }) {}

IoSigns::~IoSigns() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void IoSigns::work() {
  IoCounts counts;
  std::optional<std::uint64_t> before = counts.read();
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kInterval, [this] { return stopping_; })) {
    const std::optional<std::uint64_t> now = counts.read();
    if (now != before) moved_();
    before = now;
  }
}

}  // namespace bertyard
