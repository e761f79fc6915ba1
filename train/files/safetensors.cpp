// SPDX-License-Identifier: Apache-2.0
#include "train/files/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "train/files/strict_json.h"

namespace bertyard {
namespace {

static_assert(std::endian::native == std::endian::little, "files are little-endian");

constexpr std::uint64_t kMaxHeader = 100'000'000;

struct TypeWord {
  std::string_view word;
  std::uint64_t bytes;
};
constexpr TypeWord kTypes[] = {{"F64", 8}, {"I64", 8},     {"U64", 8},     {"F32", 4}, {"I32", 4},
                               {"U32", 4}, {"BF16", 2},    {"F16", 2},     {"I16", 2}, {"U16", 2},
                               {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"U8", 1},  {"BOOL", 1}};

std::uint64_t bytes_of(std::string_view word, const std::string& where) {
  for (const TypeWord& type : kTypes) {
    if (type.word == word) return type.bytes;
  }
  throw DataError(fmt::format("{}: unknown dtype '{}'", where, word));
}

float widen(BFloat16 value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}

// IEEE half to single; subnormal halves are normal singles.
float widen(Float16 value) {
  const std::uint32_t sign = (value.bits & 0x8000u) << 16;
  const std::uint32_t exponent = (value.bits >> 10) & 0x1Fu;
  const std::uint32_t fraction = value.bits & 0x3FFu;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t biased = exponent == 0x1Fu ? 0xFFu : exponent + 112;
  return std::bit_cast<float>(sign | (biased << 23) | (fraction << 13));
}

float widen(float value) {
  return value;
}
float widen(double value) {
  return static_cast<float>(value);
}

// Tensors need not be aligned to their own size in a file.
template <typename T>
void convert(std::span<const std::byte> bytes, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    out[i] = widen(value);
  }
}

std::uint64_t product(std::uint64_t a, std::uint64_t b, const std::string& where) {
  std::uint64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) {
    throw DataError(fmt::format("{}: the product of its shape overflows", where));
  }
  return result;
}

std::uint64_t natural(const nlohmann::json& value, const std::string& where) {
  if (!value.is_number_unsigned()) {
    throw DataError(fmt::format("{}: expected a whole number, found {}", where, value.dump()));
  }
  return value.get<std::uint64_t>();
}

const nlohmann::json& field(const nlohmann::json& object, const char* name,
                            const std::string& where) {
  if (!object.is_object() || !object.contains(name)) {
    throw DataError(fmt::format("{}: '{}' is missing", where, name));
  }
  return object[name];
}

const nlohmann::json& array_field(const nlohmann::json& object, const char* name,
                                  const std::string& where) {
  const nlohmann::json& value = field(object, name, where);
  if (!value.is_array()) throw DataError(fmt::format("{}: '{}' is no list", where, name));
  return value;
}

SafetensorsEntry parse_entry(const std::string& name, const nlohmann::json& object,
                             const std::string& file, std::uint64_t data_start,
                             std::uint64_t data_bytes) {
  const std::string where = fmt::format("{}: tensor '{}'", file, name);
  SafetensorsEntry entry;
  entry.name = name;
  const nlohmann::json& dtype = field(object, "dtype", where);
  if (!dtype.is_string()) throw DataError(where + ": 'dtype' is no string");
  entry.dtype = dtype.get<std::string>();
  entry.elements = 1;
  for (const auto& value : array_field(object, "shape", where)) {
    const std::uint64_t extent = natural(value, where + ": shape");
    entry.elements = product(entry.elements, extent, where);
    entry.extents.push_back(static_cast<std::int64_t>(extent));
  }
  const std::uint64_t expected = product(entry.elements, bytes_of(entry.dtype, where), where);
  const nlohmann::json& offsets = array_field(object, "data_offsets", where);
  if (offsets.size() != 2) throw DataError(where + ": 'data_offsets' needs two numbers");
  const std::uint64_t begin = natural(offsets[0], where + ": data_offsets");
  const std::uint64_t end = natural(offsets[1], where + ": data_offsets");
  if (end < begin || end - begin != expected) {
    throw DataError(fmt::format("{}: {} {} needs {} bytes, its offsets are {} to {}", where,
                                entry.dtype, extents_text(entry.extents), expected, begin, end));
  }
  if (end > data_bytes) {
    throw DataError(
        fmt::format("{}: its offsets {} to {} lie outside the {} bytes of data; the "
                    "file is truncated or damaged",
                    where, begin, end, data_bytes));
  }
  entry.offset = data_start + begin;
  entry.bytes = expected;
  return entry;
}

// Sorted by offset, tensors must follow each other from the first data byte to the last.
void require_no_holes(const std::vector<SafetensorsEntry>& entries, const std::string& file,
                      std::uint64_t data_start, std::uint64_t size) {
  std::uint64_t cursor = data_start;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.offset != cursor) {
      throw DataError(fmt::format("{}: tensor '{}' begins at byte {} of the data, expected {} ({})",
                                  file, entry.name, entry.offset - data_start, cursor - data_start,
                                  entry.offset < cursor ? "tensors overlap" : "there is a hole"));
    }
    cursor += entry.bytes;
  }
  if (cursor != size) {
    throw DataError(fmt::format("{}: the header describes {} bytes, the file has {}; {}", file,
                                cursor, size,
                                size < cursor ? "it is truncated" : "bytes are left over"));
  }
}

std::uint64_t header_length(std::span<const std::byte> bytes, const std::string& file) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) {
    throw DataError(fmt::format("{}: {} bytes are no safetensors file", file, bytes.size()));
  }
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > kMaxHeader || length > bytes.size() - sizeof length) {
    throw DataError(fmt::format(
        "{}: header of {} bytes in a file of {}; not a safetensors file, or a truncated one", file,
        length, bytes.size()));
  }
  return length;
}

}  // namespace

std::string extents_text(std::span<const std::int64_t> extents) {
  return fmt::format("[{}]", fmt::join(extents, ", "));
}

SafetensorsFile::SafetensorsFile(std::filesystem::path path)
    : path_(std::move(path)), file_(path_) {
  const std::string file = path_.string();
  const auto bytes = file_.bytes();
  const std::uint64_t length = header_length(bytes, file);
  const std::uint64_t data_start = sizeof(std::uint64_t) + length;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + sizeof(std::uint64_t),
                              length);
  require_strict_json(text, file + ": header");
  const auto header = nlohmann::json::parse(text);
  for (const auto& [name, object] : header.items()) {
    if (name == "__metadata__") continue;
    entries_.push_back(parse_entry(name, object, file, data_start, bytes.size() - data_start));
  }
  // Empty tensors share an offset with what follows them.
  std::sort(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
    return std::pair(a.offset, a.bytes) < std::pair(b.offset, b.bytes);
  });
  require_no_holes(entries_, file, data_start, bytes.size());
}

const SafetensorsEntry* SafetensorsFile::find(std::string_view name) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(),
                   [&](const SafetensorsEntry& entry) { return entry.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

std::span<const std::byte> SafetensorsFile::bytes(const SafetensorsEntry& entry) const {
  return file_.bytes().subspan(entry.offset, entry.bytes);
}

void SafetensorsFile::read_f32(const SafetensorsEntry& entry, std::span<float> out) const {
  if (out.size() > entry.elements) {
    throw DataError(fmt::format("{}: tensor '{}' has {} elements, expected at least {}",
                                path_.string(), entry.name, entry.elements, out.size()));
  }
  const auto source = bytes(entry);
  if (entry.dtype == "F32") return convert<float>(source, out);
  if (entry.dtype == "BF16") return convert<BFloat16>(source, out);
  if (entry.dtype == "F16") return convert<Float16>(source, out);
  if (entry.dtype == "F64") return convert<double>(source, out);
  throw DataError(fmt::format("{}: tensor '{}' is {}, expected F32, F16, BF16 or F64",
                              path_.string(), entry.name, entry.dtype));
}

}  // namespace bertyard
