// SPDX-License-Identifier: Apache-2.0
// Datasets of variable-length lists in an Hdf5File.
#include <cstdlib>
#include <vector>

#include <fmt/format.h>
#include <hdf5.h>

#include "core/base/error.h"
#include "data/shards/hdf5_file.h"
#include "data/shards/hdf5_handle.h"

namespace bertyard {
namespace {

// A list of a sequence's tokens is far shorter; a longer one is damage.
constexpr std::size_t kMaxListBytes = std::size_t{8} << 20;

void* allocate_list(std::size_t bytes, void*) {
  return bytes > kMaxListBytes ? nullptr : std::malloc(bytes);
}
void free_list(void* list, void*) {
  std::free(list);
}

// Gives back what HDF5 allocated for lists, also after a failed read.
class Lists {
 public:
  Lists(std::uint64_t rows, hid_t type, hid_t space, hid_t transfer)
      : lists_(rows), type_(type), space_(space), transfer_(transfer) {}
  ~Lists() { H5Dvlen_reclaim(type_, space_, transfer_, lists_.data()); }
  Lists(const Lists&) = delete;
  Lists& operator=(const Lists&) = delete;
  std::vector<hvl_t>& get() { return lists_; }

 private:
  std::vector<hvl_t> lists_;
  hid_t type_, space_, transfer_;
};

}  // namespace

bool Hdf5File::is_ragged(const std::string& name) const {
  const std::string what = fmt::format("dataset '{}' ", name);
  const Hdf5Handle id(open_own_dataset(name), H5Dclose);
  const Hdf5Handle type(check(H5Dget_type(id.id()), what + "is damaged"), H5Tclose);
  return H5Tget_class(type.id()) == H5T_VLEN;
}

std::uint64_t Hdf5File::ragged_rows(const std::string& name) const {
  const std::string what = fmt::format("dataset '{}' ", name);
  if (!is_ragged(name)) fail(what + "does not hold lists of variable length");
  const Hdf5Handle id(check(H5Dopen2(id_, name.c_str(), H5P_DEFAULT), what + "cannot be opened"),
                      H5Dclose);
  const Hdf5Handle creation(check(H5Dget_create_plist(id.id()), what + "is damaged"), H5Pclose);
  const Hdf5Handle type(check(H5Dget_type(id.id()), what + "is damaged"), H5Tclose);
  const Hdf5Handle element(check(H5Tget_super(type.id()), what + "is damaged"), H5Tclose);
  const Hdf5Handle space(check(H5Dget_space(id.id()), what + "is damaged"), H5Sclose);
  if (const std::string reason = refused_storage(creation.id()); !reason.empty()) {
    fail(what + reason);
  }
  if (H5Tget_class(element.id()) != H5T_INTEGER) fail(what + "does not hold lists of integers");
  if (H5Sget_simple_extent_ndims(space.id()) != 1) fail(what + "is not a list of lists");
  hsize_t rows = 0;
  H5Sget_simple_extent_dims(space.id(), &rows, nullptr);
  hsize_t file_bytes = 0;
  check(H5Fget_filesize(id_, &file_bytes), what + "is in a file without a size");
  if (rows > file_bytes) fail(fmt::format("{}claims {} rows in {} bytes", what, rows, file_bytes));
  return rows;
}

Hdf5RaggedRows Hdf5File::read_ragged(const std::string& name, std::uint64_t first,
                                     std::uint64_t rows) const {
  quiet_hdf5();
  Hdf5RaggedRows result;
  if (rows == 0) return result;
  const std::string what = fmt::format("dataset '{}' cannot be read", name);
  const Hdf5Handle id(check(H5Dopen2(id_, name.c_str(), H5P_DEFAULT), what), H5Dclose);
  const Hdf5Handle space(check(H5Dget_space(id.id()), what), H5Sclose);
  const hsize_t start = first, count = rows;
  check(H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, &start, nullptr, &count, nullptr), what);
  const Hdf5Handle memory(check(H5Screate_simple(1, &count, nullptr), what), H5Sclose);
  const Hdf5Handle type(check(H5Tvlen_create(H5T_NATIVE_INT64), what), H5Tclose);
  const Hdf5Handle transfer(check(H5Pcreate(H5P_DATASET_XFER), what), H5Pclose);
  check(H5Pset_vlen_mem_manager(transfer.id(), allocate_list, nullptr, free_list, nullptr), what);
  Lists lists(rows, type.id(), memory.id(), transfer.id());
  check(H5Dread(id.id(), type.id(), memory.id(), space.id(), transfer.id(), lists.get().data()),
        what);
  for (const hvl_t& list : lists.get()) {
    const auto* values = static_cast<const std::int64_t*>(list.p);
    result.values.insert(result.values.end(), values, values + list.len);
    result.offsets.push_back(result.values.size());
  }
  return result;
}

}  // namespace bertyard
