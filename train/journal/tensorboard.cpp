// SPDX-License-Identifier: Apache-2.0
#include "train/journal/tensorboard.h"

#include <array>
#include <bit>
#include <chrono>

#include <fmt/format.h>
#include <unistd.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1u) ? 0x82F63B78u : 0u);
    table[i] = value;
  }
  return table;
}

// TensorFlow masks CRCs so that the CRC of a record that holds CRCs stays useful.
std::uint32_t masked_crc(std::string_view bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return std::rotr(crc, 15) + 0xA282EAD8u;
}

template <typename T>
void append_fixed(std::string& out, T value) {
  const auto bytes = std::bit_cast<std::array<char, sizeof(T)>>(value);
  out.append(bytes.data(), bytes.size());
}

// Protocol buffers: base-128, low groups first.
void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

enum class WireType : std::uint32_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

void append_key(std::string& out, std::uint32_t field, WireType type) {
  append_varint(out, (field << 3) | static_cast<std::uint32_t>(type));
}

void append_bytes(std::string& out, std::uint32_t field, std::string_view bytes) {
  append_key(out, field, WireType::bytes);
  append_varint(out, bytes.size());
  out.append(bytes);
}

std::string encode_value(const Scalar& scalar) {
  std::string value;
  append_bytes(value, 1, scalar.tag);
  append_key(value, 2, WireType::fixed32);
  append_fixed(value, static_cast<float>(scalar.value));
  return value;
}

double wall_time() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

std::filesystem::path event_path(const std::filesystem::path& directory) {
  char host[256] = "localhost";
  ::gethostname(host, sizeof host - 1);
  return directory / fmt::format("events.out.tfevents.{}.{}.{}",
                                 static_cast<std::int64_t>(wall_time()), host, ::getpid());
}

std::string version_event() {
  std::string event;
  append_key(event, 1, WireType::fixed64);
  append_fixed(event, wall_time());
  append_bytes(event, 3, "brain.Event:2");
  return event;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static constexpr auto kTable = crc_table();
  std::uint32_t crc = ~0u;
  for (const char c : bytes)
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  return ~crc;
}

std::string encode_event(double wall_time, std::int64_t step, std::span<const Scalar> scalars) {
  std::string summary;
  for (const Scalar& scalar : scalars) append_bytes(summary, 1, encode_value(scalar));
  std::string event;
  append_key(event, 1, WireType::fixed64);
  append_fixed(event, wall_time);
  append_key(event, 2, WireType::varint);
  append_varint(event, static_cast<std::uint64_t>(step));
  append_bytes(event, 5, summary);
  return event;
}

std::string frame_record(std::string_view data) {
  std::string record;
  append_fixed(record, static_cast<std::uint64_t>(data.size()));
  append_fixed(record, masked_crc(record));
  record.append(data);
  append_fixed(record, masked_crc(data));
  return record;
}

EventFile::EventFile(const std::filesystem::path& directory, const FileCalls& calls)
    : file_(event_path(directory), OpenFor::create, calls) {
  file_.write(frame_record(version_event()));
}

void EventFile::write(std::int64_t step, std::span<const Scalar> scalars) {
  file_.write(frame_record(encode_event(wall_time(), step, scalars)));
}

void EventFile::write_or_end(std::int64_t step, std::span<const Scalar> scalars, Logger& log) {
  if (ended_) return;
  try {
    write(step, scalars);
  } catch (const IoError& error) {
    log.warning("{}; training goes on without TensorBoard events", error.what());
    ended_ = true;
  }
}

}  // namespace bertyard
