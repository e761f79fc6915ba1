// SPDX-License-Identifier: Apache-2.0
// The datasets of an Hdf5File.
#include <algorithm>
#include <functional>
#include <numeric>
#include <type_traits>

#include <fmt/format.h>
#include <hdf5.h>

#include "core/base/error.h"
#include "data/shards/hdf5_file.h"
#include "data/shards/hdf5_handle.h"

namespace bertyard {
namespace {

// Elements that read_all() asks for at once, and a gzip chunk holds at most.
constexpr std::uint64_t kBlockElements = std::uint64_t{1} << 20;
// gzip cannot make more than about 1,032 bytes of one; a shape beyond that is a bomb or damage.
constexpr std::uint64_t kMaxExpansion = 1100;

constexpr std::array kTypeNames{"i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64"};

hid_t native_type(Hdf5Type type) {
  switch (type) {
    case Hdf5Type::i8:
      return H5T_NATIVE_INT8;
    case Hdf5Type::u8:
      return H5T_NATIVE_UINT8;
    case Hdf5Type::i16:
      return H5T_NATIVE_INT16;
    case Hdf5Type::u16:
      return H5T_NATIVE_UINT16;
    case Hdf5Type::i32:
      return H5T_NATIVE_INT32;
    case Hdf5Type::u32:
      return H5T_NATIVE_UINT32;
    case Hdf5Type::i64:
      return H5T_NATIVE_INT64;
    case Hdf5Type::u64:
      return H5T_NATIVE_UINT64;
  }
  throw Error("HDF5: unknown type");
}

template <typename T>
hid_t native_type_of() {
  if constexpr (std::is_signed_v<T>) {
    return native_type(sizeof(T) == 1   ? Hdf5Type::i8
                       : sizeof(T) == 2 ? Hdf5Type::i16
                       : sizeof(T) == 4 ? Hdf5Type::i32
                                        : Hdf5Type::i64);
  } else {
    return native_type(sizeof(T) == 1   ? Hdf5Type::u8
                       : sizeof(T) == 2 ? Hdf5Type::u16
                       : sizeof(T) == 4 ? Hdf5Type::u32
                                        : Hdf5Type::u64);
  }
}

std::optional<Hdf5Type> integer_type(hid_t type) {
  if (H5Tget_class(type) != H5T_INTEGER) return std::nullopt;
  const bool is_signed = H5Tget_sign(type) == H5T_SGN_2;
  switch (H5Tget_size(type)) {
    case 1:
      return is_signed ? Hdf5Type::i8 : Hdf5Type::u8;
    case 2:
      return is_signed ? Hdf5Type::i16 : Hdf5Type::u16;
    case 4:
      return is_signed ? Hdf5Type::i32 : Hdf5Type::u32;
    case 8:
      return is_signed ? Hdf5Type::i64 : Hdf5Type::u64;
    default:
      return std::nullopt;
  }
}

std::vector<std::uint64_t> shape_of(hid_t space) {
  const int rank = std::max(0, H5Sget_simple_extent_ndims(space));
  std::vector<hsize_t> shape(static_cast<std::size_t>(rank));
  if (rank > 0) H5Sget_simple_extent_dims(space, shape.data(), nullptr);
  return {shape.begin(), shape.end()};
}

}  // namespace

std::string_view name_of(Hdf5Type type) {
  return kTypeNames.at(static_cast<std::size_t>(type));
}

std::uint64_t Hdf5Dataset::elements() const {
  std::uint64_t product = 1;
  for (const std::uint64_t size : shape) {
    // Saturates; such a dataset is refused for having no such storage.
    if (__builtin_mul_overflow(product, size, &product)) return ~std::uint64_t{0};
  }
  return product;
}

std::int64_t Hdf5File::open_own_dataset(const std::string& name) const {
  quiet_hdf5();
  const std::string what = fmt::format("dataset '{}' ", name);
  H5L_info_t link{};
  check(H5Lget_info(id_, name.c_str(), &link, H5P_DEFAULT), what + "is missing");
  if (link.type != H5L_TYPE_HARD) fail(what + "is a link to elsewhere; expected the data itself");
  return check(H5Dopen2(id_, name.c_str(), H5P_DEFAULT), what + "cannot be opened");
}

Hdf5Dataset Hdf5File::describe(const std::string& name) const {
  const std::string what = fmt::format("dataset '{}' ", name);
  const Hdf5Handle id(open_own_dataset(name), H5Dclose);
  const Hdf5Handle creation(check(H5Dget_create_plist(id.id()), what + "is damaged"), H5Pclose);
  const Hdf5Handle type(check(H5Dget_type(id.id()), what + "is damaged"), H5Tclose);
  const Hdf5Handle space(check(H5Dget_space(id.id()), what + "is damaged"), H5Sclose);
  if (const std::string reason = refused_storage(creation.id()); !reason.empty()) {
    fail(what + reason);
  }
  const std::optional<Hdf5Type> integer = integer_type(type.id());
  if (!integer) fail(what + "does not hold integers of 8, 16, 32 or 64 bits");
  Hdf5Dataset dataset{name, *integer, H5Tequal(type.id(), native_type(*integer)) > 0,
                      shape_of(space.id()), std::nullopt};
  const std::uint64_t elements = dataset.elements();
  // A contiguous dataset says what its shape says; HDF5's own size is right while we write, too.
  hsize_t file_bytes = 0;
  check(H5Fget_filesize(id_, &file_bytes), what + "is in a file without a size");
  const std::uint64_t stored = std::min<std::uint64_t>(H5Dget_storage_size(id.id()), file_bytes);
  if (elements / kMaxExpansion > stored || (elements > 0 && stored == 0)) {
    fail(fmt::format("{}claims {} elements but stores {} bytes", what, elements, stored));
  }
  if (H5Pget_layout(creation.id()) == H5D_CONTIGUOUS) {
    if (const haddr_t at = H5Dget_offset(id.id()); at != HADDR_UNDEF) dataset.offset = at;
  }
  return dataset;
}

template <typename T>
void Hdf5File::read_rows(const Hdf5Dataset& dataset, std::uint64_t first, std::span<T> out) const {
  quiet_hdf5();
  if (out.empty()) return;
  const std::string what = fmt::format("dataset '{}' cannot be read", dataset.name);
  const Hdf5Handle id(check(H5Dopen2(id_, dataset.name.c_str(), H5P_DEFAULT), what), H5Dclose);
  const Hdf5Handle space(check(H5Dget_space(id.id()), what), H5Sclose);
  std::vector<hsize_t> start(dataset.shape.size(), 0);
  std::vector<hsize_t> count(dataset.shape.begin(), dataset.shape.end());
  if (!count.empty()) {
    start[0] = first;
    count[0] = out.size() / dataset.row_elements();
    check(H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, start.data(), nullptr, count.data(),
                              nullptr),
          what);
  }
  // Of the file's rank: with another HDF5 copies element by element, a quarter as fast.
  const Hdf5Handle memory(
      check(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), what),
      H5Sclose);
  check(H5Dread(id.id(), native_type_of<T>(), memory.id(), space.id(), H5P_DEFAULT, out.data()),
        what);
}

template <typename T>
std::vector<T> Hdf5File::read_all(const Hdf5Dataset& dataset) const {
  std::vector<T> values(dataset.elements());
  const std::uint64_t row = dataset.row_elements();
  if (row == 0) return values;
  const std::uint64_t block_rows = std::max<std::uint64_t>(1, kBlockElements / row);
  for (std::uint64_t first = 0; first < dataset.rows(); first += block_rows) {
    const std::uint64_t rows = std::min(block_rows, dataset.rows() - first);
    read_rows(dataset, first, std::span(values).subspan(first * row, rows * row));
  }
  return values;
}

void Hdf5File::create_dataset(const std::string& name, Hdf5Type type,
                              const std::vector<std::uint64_t>& shape, Hdf5Storage storage) {
  quiet_hdf5();
  const std::string what = fmt::format("dataset '{}' cannot be created", name);
  const std::vector<hsize_t> sizes(shape.begin(), shape.end());
  const Hdf5Handle creation(check(H5Pcreate(H5P_DATASET_CREATE), what), H5Pclose);
  check(H5Pset_obj_track_times(creation.id(), 0), what);  // equal samples, equal bytes, at any time
  const std::uint64_t elements =
      std::accumulate(shape.begin(), shape.end(), std::uint64_t{1}, std::multiplies<>());
  if (storage == Hdf5Storage::contiguous) {
    H5Pset_alloc_time(creation.id(), H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(creation.id(), H5D_FILL_TIME_NEVER);
  } else if (elements > 0) {
    std::vector<hsize_t> chunk = sizes;
    const hsize_t row = elements / sizes[0];
    chunk[0] = std::clamp<hsize_t>(kBlockElements / row, 1, sizes[0]);
    check(H5Pset_chunk(creation.id(), static_cast<int>(chunk.size()), chunk.data()), what);
    check(H5Pset_deflate(creation.id(), 4), what);
  }
  const Hdf5Handle space(
      check(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), what),
      H5Sclose);
  const Hdf5Handle id(check(H5Dcreate2(id_, name.c_str(), native_type(type), space.id(),
                                       H5P_DEFAULT, creation.id(), H5P_DEFAULT),
                            what),
                      H5Dclose);
}

template <typename T>
void Hdf5File::write_all(const std::string& name, std::span<const T> values) {
  quiet_hdf5();
  const std::string what = fmt::format("dataset '{}' cannot be written", name);
  const Hdf5Handle id(check(H5Dopen2(id_, name.c_str(), H5P_DEFAULT), what), H5Dclose);
  check(H5Dwrite(id.id(), native_type_of<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), what);
}

#define BERTYARD_INSTANTIATE(T)                                                                \
  template void Hdf5File::read_rows<T>(const Hdf5Dataset&, std::uint64_t, std::span<T>) const; \
  template std::vector<T> Hdf5File::read_all<T>(const Hdf5Dataset&) const;                     \
  template void Hdf5File::write_all<T>(const std::string&, std::span<const T>);
BERTYARD_INSTANTIATE(std::uint8_t)
BERTYARD_INSTANTIATE(std::uint16_t)
BERTYARD_INSTANTIATE(std::uint32_t)
BERTYARD_INSTANTIATE(std::uint64_t)
BERTYARD_INSTANTIATE(std::int8_t)
BERTYARD_INSTANTIATE(std::int32_t)
BERTYARD_INSTANTIATE(std::int64_t)
#undef BERTYARD_INSTANTIATE

}  // namespace bertyard
