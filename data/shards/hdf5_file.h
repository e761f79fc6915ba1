// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bertyard {

// The integers that our files and NVIDIA's consist of.
enum class Hdf5Type { i8, u8, i16, u16, i32, u32, i64, u64 };
std::string_view name_of(Hdf5Type type);

struct Hdf5Dataset {
  std::string name;
  Hdf5Type type = Hdf5Type::i32;
  bool native_order = true;  // the file's byte order is this machine's
  std::vector<std::uint64_t> shape;
  std::optional<std::uint64_t> offset;  // of the first byte in the file, where contiguous

  std::uint64_t elements() const;
  std::uint64_t rows() const { return shape.empty() ? 1 : shape[0]; }
  std::uint64_t row_elements() const { return rows() == 0 ? 0 : elements() / rows(); }
};

// Rows of different lengths, one after the other: row r is values offsets[r] to offsets[r + 1].
struct Hdf5RaggedRows {
  std::vector<std::int64_t> values;
  std::vector<std::uint64_t> offsets{0};

  std::span<const std::int64_t> row(std::uint64_t index) const {
    return std::span(values).subspan(offsets[index], offsets[index + 1] - offsets[index]);
  }
};

enum class Hdf5Storage {
  contiguous,  // room at a fixed offset, contents undefined until written
  gzip,        // chunks of rows, compressed
};

// One HDF5 file, flat: datasets of integers and attributes at the root. Owns the handle.
// Links to other places, virtual datasets, external storage and filters other than gzip (and its
// companions shuffle and fletcher32) are refused, for files may come from strangers.
// Errors: DataError while reading, IoError while writing; both with file, dataset and the innermost
// message of HDF5's error stack.
class Hdf5File {
 public:
  static Hdf5File open(const std::filesystem::path& path);
  static Hdf5File create(const std::filesystem::path& path);
  ~Hdf5File();
  Hdf5File(Hdf5File&& other) noexcept;
  Hdf5File& operator=(Hdf5File&&) = delete;

  std::vector<std::string> names() const;  // of all objects at the root, sorted
  bool has_attribute(const std::string& name) const;
  std::uint64_t read_number(const std::string& attribute) const;
  std::string read_text(const std::string& attribute) const;
  Hdf5Dataset describe(const std::string& name) const;
  // Rows `first` to `first + rows`, row-major, converted from the stored integers, which saturates;
  // T is one of the types of Hdf5Type. `out` has rows * row_elements() elements.
  template <typename T>
  void read_rows(const Hdf5Dataset& dataset, std::uint64_t first, std::span<T> out) const;
  // The whole dataset, read in blocks of rows.
  template <typename T>
  std::vector<T> read_all(const Hdf5Dataset& dataset) const;

  // Of a dataset of variable-length lists of integers, [rows]: how many rows, and some of them.
  bool is_ragged(const std::string& name) const;
  std::uint64_t ragged_rows(const std::string& name) const;
  Hdf5RaggedRows read_ragged(const std::string& name, std::uint64_t first,
                             std::uint64_t rows) const;

  void write_number(const std::string& attribute, std::uint64_t value);
  void write_text(const std::string& attribute, std::string_view text);
  void create_dataset(const std::string& name, Hdf5Type type,
                      const std::vector<std::uint64_t>& shape, Hdf5Storage storage);
  template <typename T>
  void write_all(const std::string& name, std::span<const T> values);

  // Ends writing; errors that a destructor would swallow are thrown here.
  void close();

 private:
  enum class Mode { read, write };
  Hdf5File(std::filesystem::path path, std::int64_t id, Mode mode)
      : path_(std::move(path)), id_(id), mode_(mode) {}
  [[noreturn]] void fail(const std::string& what) const;
  std::int64_t check(std::int64_t result, const std::string& what) const;
  // A dataset of this very file, for the caller to close: links to elsewhere are refused.
  std::int64_t open_own_dataset(const std::string& name) const;

  std::filesystem::path path_;
  std::int64_t id_;
  Mode mode_;
};

}  // namespace bertyard
