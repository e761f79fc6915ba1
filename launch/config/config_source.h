// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"

namespace bertyard {

// A text that configuration comes from: a file, or one argument of the command line. Outlives every
// ConfigPlace that points at it.
struct ConfigSource {
  enum class Kind { file, argument, change };  // change: an override that a file holds
  Kind kind = Kind::file;
  std::string name;  // "run.yaml" or "<command line>:arg 3"
  std::string text;
  int order = 0;  // among the sources of one configuration: in what order mistakes are shown
};

// Where something stands; line and column count from 1, columns in bytes. Without a source: nowhere
// (a default).
struct ConfigPlace {
  const ConfigSource* source = nullptr;
  int line = 0;
  int column = 0;
};

// "run.yaml:12:16", "<command line>:arg 3", or nothing for a place without a source.
std::string place_text(const ConfigPlace& place);

// Everything wrong with a configuration, in the form a person reads; what() is the whole text.
class ConfigError : public UsageError {
 public:
  using UsageError::UsageError;
};

// Collects mistakes, so that one run shows them all.
class ConfigErrors {
 public:
  void add(const ConfigPlace& place, const std::string& message);
  void append(const ConfigErrors& other);
  bool empty() const { return entries_.empty(); }
  // Throws ConfigError with each mistake as `file:line:col: error: message`, the source line and a
  // caret, in the order of the text, and the number of them.
  void throw_if_any() const;

 private:
  struct Entry {
    ConfigPlace place;
    std::string message;
  };
  std::vector<Entry> entries_;
};

}  // namespace bertyard
