// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <hdf5.h>

// Files with lists of variable length, which the program reads and never writes.
namespace bertyard::testing {

using Lists = std::vector<std::vector<std::int16_t>>;

class RaggedFile {
 public:
  explicit RaggedFile(const std::filesystem::path& path)
      : id_(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)) {}
  ~RaggedFile() { H5Fclose(id_); }
  RaggedFile(const RaggedFile&) = delete;
  RaggedFile& operator=(const RaggedFile&) = delete;

  void add(const std::string& name, Lists lists) {
    const hsize_t rows = lists.size();
    const hid_t space = H5Screate_simple(1, &rows, nullptr);
    const hid_t type = H5Tvlen_create(H5T_NATIVE_INT16);
    const hid_t data =
        H5Dcreate2(id_, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    std::vector<hvl_t> values;
    for (auto& list : lists) values.push_back({list.size(), list.data()});
    H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    H5Dclose(data);
    H5Tclose(type);
    H5Sclose(space);
  }
  void add_flat(const std::string& name, const std::vector<std::int16_t>& values) {
    const hsize_t rows = values.size();
    const hid_t space = H5Screate_simple(1, &rows, nullptr);
    const hid_t data = H5Dcreate2(id_, name.c_str(), H5T_NATIVE_INT8, space, H5P_DEFAULT,
                                  H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(data, H5T_NATIVE_INT16, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    H5Dclose(data);
    H5Sclose(space);
  }

 private:
  hid_t id_;
};

}  // namespace bertyard::testing
