// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

namespace bertyard {

// What the process returns to the shell; the table stands in docs/operations.md.
enum class ExitCode {
  ok = 0,
  other = 1,
  usage = 2,          // bad command line or configuration
  data = 3,           // missing, damaged or unsuitable input
  environment = 4,    // device, MPI or library
  diverged = 5,       // NaN or loss limit
  input_output = 74,  // reading or writing failed
  requeue = 75,       // stopped by USR1 or USR2 after a checkpoint
  watchdog = 124,
  terminated = 143,
};

// Base of everything bertyard throws. Messages say the subsystem, what was expected, what was
// found, where, and how to mend it.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, ExitCode exit_code = ExitCode::other)
      : std::runtime_error(message), exit_code_(exit_code) {}
  ExitCode exit_code() const { return exit_code_; }

 private:
  ExitCode exit_code_;
};

class UsageError : public Error {
 public:
  explicit UsageError(const std::string& message) : Error(message, ExitCode::usage) {}
};

class DataError : public Error {
 public:
  explicit DataError(const std::string& message) : Error(message, ExitCode::data) {}
};

class EnvironmentError : public Error {
 public:
  explicit EnvironmentError(const std::string& message) : Error(message, ExitCode::environment) {}
};

class DivergedError : public Error {
 public:
  explicit DivergedError(const std::string& message) : Error(message, ExitCode::diverged) {}
};

class IoError : public Error {
 public:
  explicit IoError(const std::string& message) : Error(message, ExitCode::input_output) {}
};

[[noreturn]] void throw_check_failure(const char* file, int line, const std::string& message);

}  // namespace bertyard

// For conditions a caller of the library can violate. The message says what was expected and found.
#define BERTYARD_CHECK(condition, message)                            \
  do {                                                                \
    if (!(condition)) {                                               \
      ::bertyard::throw_check_failure(__FILE__, __LINE__, (message)); \
    }                                                                 \
  } while (false)
