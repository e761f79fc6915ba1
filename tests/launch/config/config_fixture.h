// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/config/config.h"
#include "tests/support/test_data.h"

namespace bertyard {

// Configurations in a directory of their own; messages have that directory taken out.
class ConfigTest : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ / name, std::ios::binary) << text;
    return (directory_ / name).string();
  }

  LoadedConfig load(const std::string& text, const std::vector<std::string>& overrides = {}) const {
    ConfigRequest request{write("run.yaml", text), {}, {}};
    int argument = 3;
    for (const std::string& override_ : overrides) {
      request.overrides.push_back({override_, argument++});
    }
    return load_config(request);
  }

  // The whole report about a configuration; "no mistake" for one that loads.
  std::string report(const std::string& text,
                     const std::vector<std::string>& overrides = {}) const {
    return report_of([&] { load(text, overrides); });
  }

  template <typename Action>
  std::string report_of(Action action) const {
    try {
      action();
    } catch (const ConfigError& error) {
      EXPECT_EQ(error.exit_code(), ExitCode::usage);
      return without_directory(error.what());
    }
    return "no mistake";
  }

  std::string without_directory(std::string text) const {
    const std::string prefix = directory_.path().string() + "/";
    for (std::size_t i = text.find(prefix); i != std::string::npos; i = text.find(prefix)) {
      text.erase(i, prefix.size());
    }
    return text;
  }

  testing::TemporaryDirectory directory_;
};

}  // namespace bertyard
