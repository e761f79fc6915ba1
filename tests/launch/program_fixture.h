// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <sys/wait.h>

#include "tests/launch/config/config_fixture.h"

namespace bertyard {

struct Ended {
  int code = 0;
  std::string output;
  std::string errors;
};

// The program as a user runs it, in the test's own directory.
class ProgramFixture : public ConfigTest {
 protected:
  Ended run(const std::string& arguments) const {
    const std::string command = "cd '" + directory_.path().string() +
                                "' && '" BERTYARD_PROGRAM "' " + arguments + " >out.txt 2>err.txt";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read("out.txt"), read("err.txt")};
  }

  std::string read(const std::string& name) const {
    std::ifstream file(directory_ / name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
};

}  // namespace bertyard
