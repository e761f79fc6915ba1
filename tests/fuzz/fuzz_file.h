// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include <unistd.h>

namespace bertyard::testing {

// A file with the bytes of one run of a fuzz target, for code that takes a path.
class FuzzFile {
 public:
  FuzzFile(const char* name, std::string_view content)
      : path_((std::filesystem::temp_directory_path() /
               ("bertyard-fuzz-" + std::to_string(::getpid()) + "-" + name))
                  .string()) {
    std::FILE* file = std::fopen(path_.c_str(), "wb");
    std::fwrite(content.data(), 1, content.size(), file);
    std::fclose(file);
  }
  ~FuzzFile() { std::remove(path_.c_str()); }
  FuzzFile(const FuzzFile&) = delete;
  FuzzFile& operator=(const FuzzFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace bertyard::testing
