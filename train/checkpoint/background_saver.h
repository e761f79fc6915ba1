// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <optional>
#include <string>

namespace bertyard {

// Writes one checkpoint at a time in a thread of its own, which makes no MPI call and touches
// nothing of the device. The destructor waits for the write under way.
class BackgroundSaver {
 public:
  struct Written {
    std::filesystem::path path;
    std::string warning;  // what went wrong once it was there; empty: nothing
  };
  using Write = std::function<Written()>;
  struct Saved {
    std::int64_t step = 0;
    Written written;
    double seconds = 0;  // that writing took
    std::string error;   // what went wrong; empty: nothing
  };

  // Only after collect() or wait() has taken the one before.
  void start(std::int64_t step, Write write);
  // The save that has ended since; nothing while one is under way or where there is none.
  std::optional<Saved> collect();
  // Likewise, but waits for the one under way.
  std::optional<Saved> wait();

 private:
  std::future<Saved> saving_;
};

}  // namespace bertyard
