// SPDX-License-Identifier: Apache-2.0
#include "data/shards/hdf5_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <hdf5.h>

#include "core/base/error.h"
#include "data/shards/hdf5_handle.h"

namespace bertyard {
namespace {

// Texts of attributes are short; a longer one is not ours.
constexpr std::size_t kMaxTextBytes = 60000;

// File locks fail on some network file systems, and our files are never written in place.
Hdf5Handle access_without_locks() {
  Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_file_locking(access.id(), 0, 1);
  // Every object at a multiple of 64 bytes, so that a mapped dataset is aligned for its type.
  H5Pset_alignment(access.id(), 1, 64);
  return access;
}

}  // namespace

Hdf5File Hdf5File::open(const std::filesystem::path& path) {
  quiet_hdf5();
  const Hdf5Handle access = access_without_locks();
  const hid_t id = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id());
  Hdf5File file(path, id, Mode::read);
  file.check(id, "is no readable HDF5 file; it may be truncated or damaged");
  return file;
}

Hdf5File Hdf5File::create(const std::filesystem::path& path) {
  quiet_hdf5();
  const Hdf5Handle access = access_without_locks();
  const hid_t id = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.id());
  Hdf5File file(path, id, Mode::write);
  file.check(id, "cannot be created");
  return file;
}

Hdf5File::~Hdf5File() {
  if (id_ >= 0) H5Fclose(id_);
}

Hdf5File::Hdf5File(Hdf5File&& other) noexcept
    : path_(std::move(other.path_)), id_(std::exchange(other.id_, -1)), mode_(other.mode_) {}

void Hdf5File::close() {
  check(H5Fclose(std::exchange(id_, -1)), "cannot be closed");
}

void Hdf5File::fail(const std::string& what) const {
  const std::string message = fmt::format("{}: {}", path_.string(), what);
  if (mode_ == Mode::write) throw IoError(message);
  throw DataError(message);
}

std::int64_t Hdf5File::check(std::int64_t result, const std::string& what) const {
  if (result < 0) fail(fmt::format("{} (HDF5: {})", what, hdf5_error_stack()));
  return result;
}

std::vector<std::string> Hdf5File::names() const {
  quiet_hdf5();
  std::vector<std::string> names;
  const auto add = [](hid_t, const char* name, const H5L_info_t*, void* list) -> herr_t {
    static_cast<std::vector<std::string>*>(list)->emplace_back(name);
    return 0;
  };
  check(H5Literate(id_, H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names), "cannot be listed");
  return names;
}

bool Hdf5File::has_attribute(const std::string& name) const {
  quiet_hdf5();
  return check(H5Aexists(id_, name.c_str()), "attributes cannot be read") > 0;
}

std::uint64_t Hdf5File::read_number(const std::string& attribute) const {
  quiet_hdf5();
  const std::string what = fmt::format("attribute '{}' cannot be read", attribute);
  const Hdf5Handle id(check(H5Aopen(id_, attribute.c_str(), H5P_DEFAULT), what), H5Aclose);
  const Hdf5Handle type(check(H5Aget_type(id.id()), what), H5Tclose);
  const Hdf5Handle space(check(H5Aget_space(id.id()), what), H5Sclose);
  if (H5Tget_class(type.id()) != H5T_INTEGER || H5Sget_simple_extent_npoints(space.id()) != 1) {
    fail(fmt::format("attribute '{}' is not one integer", attribute));
  }
  std::uint64_t value = 0;
  check(H5Aread(id.id(), H5T_NATIVE_UINT64, &value), what);
  return value;
}

std::string Hdf5File::read_text(const std::string& attribute) const {
  quiet_hdf5();
  const std::string what = fmt::format("attribute '{}' cannot be read", attribute);
  const Hdf5Handle id(check(H5Aopen(id_, attribute.c_str(), H5P_DEFAULT), what), H5Aclose);
  const Hdf5Handle type(check(H5Aget_type(id.id()), what), H5Tclose);
  const Hdf5Handle space(check(H5Aget_space(id.id()), what), H5Sclose);
  const std::size_t bytes = H5Tget_size(type.id());
  if (H5Tget_class(type.id()) != H5T_STRING || H5Tis_variable_str(type.id()) != 0 ||
      H5Sget_simple_extent_npoints(space.id()) != 1 || bytes > kMaxTextBytes) {
    fail(fmt::format("attribute '{}' is not one text of fixed length", attribute));
  }
  std::string text(bytes, '\0');
  check(H5Aread(id.id(), type.id(), text.data()), what);
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

void Hdf5File::write_number(const std::string& attribute, std::uint64_t value) {
  quiet_hdf5();
  const std::string what = fmt::format("attribute '{}' cannot be written", attribute);
  const Hdf5Handle space(check(H5Screate(H5S_SCALAR), what), H5Sclose);
  const Hdf5Handle id(
      check(H5Acreate2(id_, attribute.c_str(), H5T_STD_U64LE, space.id(), H5P_DEFAULT, H5P_DEFAULT),
            what),
      H5Aclose);
  check(H5Awrite(id.id(), H5T_NATIVE_UINT64, &value), what);
}

void Hdf5File::write_text(const std::string& attribute, std::string_view text) {
  quiet_hdf5();
  const std::string what = fmt::format("attribute '{}' cannot be written", attribute);
  if (text.size() > kMaxTextBytes) fail(what + ": the text is too long");
  const Hdf5Handle type(check(H5Tcopy(H5T_C_S1), what), H5Tclose);
  check(H5Tset_size(type.id(), std::max<std::size_t>(1, text.size())), what);
  check(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), what);
  const Hdf5Handle space(check(H5Screate(H5S_SCALAR), what), H5Sclose);
  const Hdf5Handle id(
      check(H5Acreate2(id_, attribute.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT),
            what),
      H5Aclose);
  const std::string bytes(text);
  check(H5Awrite(id.id(), type.id(), bytes.c_str()), what);
}

}  // namespace bertyard
