// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "data/tasks/task_examples.h"
#include "tests/support/test_data.h"

namespace bertyard {

// Files of tasks in a directory of their own.
class TaskFiles : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = directory_ / name;
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
  static TaskOptions options(TaskKind kind, const std::string& name = "") {
    TaskOptions options;
    options.kind = kind;
    options.name = name;
    return options;
  }

  testing::TemporaryDirectory directory_;
};

}  // namespace bertyard
