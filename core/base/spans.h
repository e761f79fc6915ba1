// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace bertyard {

// Hears when a named piece of work begins and ends: what a profile and a profiler's ranges are made
// of. Calls come from one thread and nest.
class SpanListener {
 public:
  virtual ~SpanListener() = default;
  // `name` is a literal; `index` of a layer, -1: of nothing that is counted.
  virtual void begin(const char* name, std::int64_t index) noexcept = 0;
  virtual void end() noexcept = 0;
};

// A piece of work for as long as it is in scope. Costs a comparison where nobody listens.
class Span {
 public:
  explicit Span(SpanListener* listener, const char* name, std::int64_t index = -1)
      : listener_(listener) {
    if (listener_ != nullptr) listener_->begin(name, index);
  }
  ~Span() {
    if (listener_ != nullptr) listener_->end();
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

 private:
  SpanListener* listener_;
};

}  // namespace bertyard
