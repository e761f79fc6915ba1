// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "tests/support/cuda_emulation/engine.h"

namespace bertyard::emulation {

// Every lane gives a value and receives that of lane `source`.
template <typename T>
T shuffle(std::uint32_t mask, T value, int source) {
  struct Slot {
    T given;
    T received;
    int source;
  };
  Slot slot{value, value, source};
  meet_warp("a shuffle", mask, &slot, [](void* const* lanes, std::uint32_t all) {
    for (int lane = 0; lane < 32; ++lane) {
      if ((all >> lane & 1) == 0) continue;
      auto* own = static_cast<Slot*>(lanes[lane]);
      const bool there = own->source >= 0 && own->source < 32 && (all >> own->source & 1) != 0;
      if (!there) {
        fail("a shuffle from lane " + std::to_string(own->source) + ", which does not take part");
      }
      own->received = static_cast<const Slot*>(lanes[own->source])->given;
    }
  });
  return slot.received;
}

inline std::uint32_t ballot(std::uint32_t mask, bool predicate) {
  struct Slot {
    bool given;
    std::uint32_t received;
  };
  Slot slot{predicate, 0};
  meet_warp("a vote", mask, &slot, [](void* const* lanes, std::uint32_t all) {
    std::uint32_t votes = 0;
    for (unsigned lane = 0; lane < 32; ++lane) {
      const bool votes_yes = (all >> lane & 1) != 0 && static_cast<Slot*>(lanes[lane])->given;
      votes |= static_cast<std::uint32_t>(votes_yes) << lane;
    }
    for (unsigned lane = 0; lane < 32; ++lane) {
      if ((all >> lane & 1) != 0) static_cast<Slot*>(lanes[lane])->received = votes;
    }
  });
  return slot.received;
}

}  // namespace bertyard::emulation
