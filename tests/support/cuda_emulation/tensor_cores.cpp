// SPDX-License-Identifier: Apache-2.0
#include "tests/support/cuda_emulation/tensor_cores.h"

#include <cstring>

#include "tests/support/cuda_emulation/engine.h"

namespace bertyard::emulation {
namespace {

constexpr int kLanes = 32;
constexpr std::uint32_t kWholeWarp = 0xFFFFFFFFu;

struct Product {
  float* c;
  const std::uint32_t* a;
  const std::uint32_t* b;
  Widen widen;
};

std::uint16_t half_of(std::uint32_t word, int upper) {
  return static_cast<std::uint16_t>(upper != 0 ? word >> 16 : word);
}

// Each lane's fragments to whole matrices, the product, and back.
void multiply(void* const* lanes, std::uint32_t /*mask*/) {
  float a[16][16];
  float b[16][8];
  for (int lane = 0; lane < kLanes; ++lane) {
    const auto& own = *static_cast<const Product*>(lanes[lane]);
    const int group = lane / 4;
    const int pair = lane % 4 * 2;
    for (int e = 0; e < 8; ++e) {
      const int row = group + (e / 2 % 2 != 0 ? 8 : 0);
      const int column = pair + e % 2 + (e >= 4 ? 8 : 0);
      a[row][column] = own.widen(half_of(own.a[e / 2], e % 2));
    }
    for (int e = 0; e < 4; ++e) {
      b[pair + e % 2 + (e >= 2 ? 8 : 0)][group] = own.widen(half_of(own.b[e / 2], e % 2));
    }
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    const auto& own = *static_cast<const Product*>(lanes[lane]);
    for (int e = 0; e < 4; ++e) {
      const int row = lane / 4 + (e >= 2 ? 8 : 0);
      const int column = lane % 4 * 2 + e % 2;
      float sum = own.c[e];
      for (int k = 0; k < 16; ++k) sum += a[row][k] * b[k][column];
      own.c[e] = sum;
    }
  }
}

struct MatrixLoad {
  std::uint32_t* r;
  const void* row;
};

template <bool transposed>
void load(void* const* lanes, std::uint32_t /*mask*/) {
  for (int matrix = 0; matrix < 4; ++matrix) {
    std::uint16_t elements[8][8];
    for (int row = 0; row < 8; ++row) {
      const auto& owner = *static_cast<const MatrixLoad*>(lanes[8 * matrix + row]);
      std::memcpy(elements[row], owner.row, 16);
    }
    for (int lane = 0; lane < kLanes; ++lane) {
      const int row = lane / 4;
      const int column = lane % 4 * 2;
      const std::uint32_t low = transposed ? elements[column][row] : elements[row][column];
      const std::uint32_t high = transposed ? elements[column + 1][row] : elements[row][column + 1];
      static_cast<const MatrixLoad*>(lanes[lane])->r[matrix] = low | high << 16;
    }
  }
}

}  // namespace

void multiply_add(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                  Widen widen) {
  Product own{c, a, b, widen};
  meet_warp("mma.m16n8k16", kWholeWarp, &own, multiply);
}

void load_matrices(std::uint32_t (&r)[4], const void* row) {
  check_shared("ldmatrix", row, 16, 16);
  MatrixLoad own{r, row};
  meet_warp("ldmatrix", kWholeWarp, &own, load<false>);
}

void load_matrices_transposed(std::uint32_t (&r)[4], const void* row) {
  check_shared("ldmatrix.trans", row, 16, 16);
  MatrixLoad own{r, row};
  meet_warp("ldmatrix.trans", kWholeWarp, &own, load<true>);
}

void copy_async_16(void* shared, const void* global, bool present) {
  check_shared("cp.async", shared, 16, 16);
  if (reinterpret_cast<std::uintptr_t>(global) % 16 != 0) {
    fail("cp.async from an address that is no multiple of 16");
  }
  copy_later(shared, global, present ? 16 : 0, present ? 0 : 16);
}

}  // namespace bertyard::emulation
