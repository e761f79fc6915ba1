// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "train/options.h"

namespace bertyard {

// What a value should have been: "a whole number such as 768 or 16k". The caller knows the key, the
// value and the place.
class ScalarError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Which units an Interval may have.
enum class IntervalUnits { steps, steps_or_time, time };

// The grammar of single values. Numbers are decimal, without leading zeros or underscores; YAML's
// octal, hexadecimal and yes/no/on/off are not. All throw ScalarError.
std::int64_t parse_count(std::string_view text);   // 768, 16k, 2.5M, 1G, decimal powers
double parse_real(std::string_view text);          // 1e-4
double parse_fraction(std::string_view text);      // 15% or 0.15, in [0, 1]; a bare 1 is refused
bool parse_boolean(std::string_view text);         // true or false
std::uint64_t parse_bytes(std::string_view text);  // 25 MiB
Amount parse_amount(std::string_view text);        // 900k steps, 1.5 epochs
Interval parse_interval(std::string_view text, IntervalUnits units);  // 30 min, 500 steps, never

// The inverses: parsing what they write gives the same value to the last bit.
std::string write_count(std::int64_t value);
std::string write_real(double value);
std::string write_fraction(double value);
std::string write_bytes(std::uint64_t value);
std::string write_amount(const Amount& amount);
std::string write_interval(const Interval& interval);
// As a YAML scalar, quoted where plain text would be read differently.
std::string write_text(std::string_view text);

}  // namespace bertyard
