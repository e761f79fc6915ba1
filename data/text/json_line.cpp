// SPDX-License-Identifier: Apache-2.0
#include "data/text/json_line.h"

#include <cstddef>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace bertyard {
namespace {

using Json = nlohmann::json;

// Watches for one key of the outermost object and builds nothing.
class FieldFinder : public nlohmann::json_sax<Json> {
 public:
  FieldFinder(const std::string& field, std::string& text, std::string& fault)
      : field_(field), text_(text), fault_(fault) {}

  bool found() const { return found_; }

  bool null() override { return other_value("null"); }
  bool boolean(bool) override { return other_value("a boolean"); }
  bool number_integer(number_integer_t) override { return other_value("a number"); }
  bool number_unsigned(number_unsigned_t) override { return other_value("a number"); }
  bool number_float(number_float_t, const string_t&) override { return other_value("a number"); }
  bool binary(binary_t&) override { return other_value("binary data"); }
  bool string(string_t& value) override {
    if (depth_ == 0) return other_value("a string");
    if (at_field_) text_.swap(value);
    found_ = found_ || at_field_;
    at_field_ = false;
    return true;
  }
  bool key(string_t& name) override {
    at_field_ = depth_ == 1 && name == field_;
    return true;
  }
  bool start_object(std::size_t) override { return open("an object"); }
  bool start_array(std::size_t) override { return depth_ > 0 ? open("an array") : other_value(""); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
    fault_ = fmt::format("is no JSON at byte {}", position);
    return false;
  }

 private:
  bool open(const char* what) {
    if (depth_ > 0 && !other_value(what)) return false;
    ++depth_;
    return true;
  }
  bool close() {
    --depth_;
    return true;
  }
  bool other_value(const char* what) {
    if (depth_ == 0) {
      fault_ = "is no JSON object";
    } else if (at_field_) {
      fault_ = fmt::format("has {} in the field '{}', expected a string", what, field_);
    }
    return fault_.empty();
  }

  const std::string& field_;
  std::string& text_;
  std::string& fault_;
  std::size_t depth_ = 0;
  bool at_field_ = false;
  bool found_ = false;
};

}  // namespace

bool JsonLine::parse(std::string_view line) {
  fault_.clear();
  text_.clear();
  FieldFinder finder(field_, text_, fault_);
  const bool whole = Json::sax_parse(line.begin(), line.end(), &finder);
  if (whole && finder.found()) return true;
  if (fault_.empty()) fault_ = fmt::format("has no field '{}'", field_);
  return false;
}

}  // namespace bertyard
