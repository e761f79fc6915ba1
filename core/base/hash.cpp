// SPDX-License-Identifier: Apache-2.0
#include "core/base/hash.h"

#include <charconv>
#include <new>

#include <fmt/format.h>
#include <xxhash.h>

#include "core/base/error.h"

namespace bertyard {

std::uint64_t xxh3(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::uint64_t xxh3(std::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

struct StreamingHash::State {
  struct Free {
    void operator()(XXH3_state_t* state) const noexcept { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> xxh{XXH3_createState()};
};

StreamingHash::StreamingHash() : state_(std::make_unique<State>()) {
  if (!state_->xxh) throw std::bad_alloc();
  XXH3_64bits_reset(state_->xxh.get());
}
StreamingHash::~StreamingHash() = default;
StreamingHash::StreamingHash(StreamingHash&&) noexcept = default;
StreamingHash& StreamingHash::operator=(StreamingHash&&) noexcept = default;

void StreamingHash::update(std::span<const std::byte> bytes) {
  XXH3_64bits_update(state_->xxh.get(), bytes.data(), bytes.size());
}

void StreamingHash::update(std::string_view text) {
  update(std::as_bytes(std::span(text.data(), text.size())));
}

std::uint64_t StreamingHash::digest() const {
  return XXH3_64bits_digest(state_->xxh.get());
}

std::string hash_text(std::uint64_t hash) {
  return fmt::format("{:016x}", hash);
}

std::uint64_t parse_hash(std::string_view text) {
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value, 16);
  if (text.size() != 16 || parsed.ec != std::errc() || parsed.ptr != end) {
    throw DataError(fmt::format("hash is '{}', expected 16 hexadecimal digits", text));
  }
  return value;
}

}  // namespace bertyard
