// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace bertyard::testing {

// The folder of real data and oracles that BERTYARD_TEST_DATA names; empty where there is none.
inline std::filesystem::path test_data() {
  const char* path = std::getenv("BERTYARD_TEST_DATA");
  return path == nullptr ? std::filesystem::path() : std::filesystem::path(path);
}

// A fresh directory that is removed with everything in it at the end of the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "bertyard-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace bertyard::testing

// Skips a test that needs real data where it is absent.
#define BERTYARD_REQUIRE_TEST_DATA(relative)                                            \
  do {                                                                                  \
    const auto needed = ::bertyard::testing::test_data() / (relative);                  \
    if (::bertyard::testing::test_data().empty() || !std::filesystem::exists(needed)) { \
      GTEST_SKIP() << "set BERTYARD_TEST_DATA to a folder that holds " << (relative);   \
    }                                                                                   \
  } while (false)
