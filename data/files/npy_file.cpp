// SPDX-License-Identifier: Apache-2.0
#include "data/files/npy_file.h"

#include <bit>

#include <fmt/format.h>

namespace bertyard {
namespace {

static_assert(std::endian::native == std::endian::little, "values are written as they lie");

constexpr std::size_t kHeaderBytes = 128;  // numpy.save's for arrays of one or two axes

}  // namespace

std::string npy_header(std::string_view descr, std::uint64_t rows,
                       std::optional<std::uint64_t> columns) {
  const std::string shape =
      columns ? fmt::format("({}, {})", rows, *columns) : fmt::format("({},)", rows);
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(kHeaderBytes - 10);
  header += '\0';
  header += fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", descr, shape);
  header.resize(kHeaderBytes - 1, ' ');
  header += '\n';
  return header;
}

NpyFile::NpyFile(const std::filesystem::path& path, std::string_view descr,
                 std::optional<std::uint64_t> columns, const FileCalls& calls)
    : descr_(descr), columns_(columns), file_(path, calls) {
  file_.writer().write(npy_header(descr_, 0, columns_));
}

template <typename T>
void NpyFile::append_values(std::span<const T> values) {
  file_.writer().write(std::as_bytes(values));
  values_ += values.size();
}

void NpyFile::append(std::span<const float> values) {
  append_values(values);
}

void NpyFile::append(std::span<const std::int64_t> values) {
  append_values(values);
}

void NpyFile::commit() {
  const std::string header = npy_header(descr_, values_ / columns_.value_or(1), columns_);
  file_.writer().write_at(0, std::as_bytes(std::span(header)));
  file_.commit();
}

}  // namespace bertyard
