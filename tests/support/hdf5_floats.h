// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <hdf5.h>

// Floats of other programs' files, which the program itself never reads.
namespace bertyard::testing {

struct FloatArray {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

class FloatFile {
 public:
  explicit FloatFile(const std::filesystem::path& path)
      : id_(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT)) {
    if (id_ < 0) throw std::runtime_error("cannot open " + path.string());
  }
  ~FloatFile() { H5Fclose(id_); }
  FloatFile(const FloatFile&) = delete;
  FloatFile& operator=(const FloatFile&) = delete;

  bool has(const std::string& name) const { return H5Lexists(id_, name.c_str(), H5P_DEFAULT) > 0; }
  FloatArray read(const std::string& name) const {
    const hid_t dataset = H5Dopen2(id_, name.c_str(), H5P_DEFAULT);
    if (dataset < 0) throw std::runtime_error("no dataset " + name);
    const hid_t space = H5Dget_space(dataset);
    std::vector<hsize_t> extents(static_cast<std::size_t>(H5Sget_simple_extent_ndims(space)));
    H5Sget_simple_extent_dims(space, extents.data(), nullptr);
    FloatArray array;
    std::size_t elements = 1;
    for (const hsize_t extent : extents) {
      array.shape.push_back(static_cast<std::int64_t>(extent));
      elements *= extent;
    }
    array.values.resize(elements);
    H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.values.data());
    H5Sclose(space);
    H5Dclose(dataset);
    return array;
  }

 private:
  hid_t id_;
};

}  // namespace bertyard::testing
