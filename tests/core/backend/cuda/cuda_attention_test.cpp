// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/cuda_attention.h"

#include <cmath>
#include <cstring>
#include <functional>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include "core/backend/cuda/cuda_error.h"
#include "core/tensor/dtype.h"
#include "tests/core/backend/host_tensors.h"
#include "tests/core/backend/narrow_values.h"
#include "tests/support/cuda_emulation/engine.h"

namespace bertyard::testing {
namespace {

// A tensor in device memory.
class DeviceTensor {
 public:
  DeviceTensor(DType type, Shape shape) : type_(type), shape_(shape) {
    BERTYARD_CHECK_CUDA(cudaMalloc(&data_, bytes() + 1));
  }
  DeviceTensor(DType type, Shape shape, const void* values) : DeviceTensor(type, shape) {
    BERTYARD_CHECK_CUDA(cudaMemcpy(data_, values, bytes(), cudaMemcpyHostToDevice));
  }
  ~DeviceTensor() { static_cast<void>(cudaFree(data_)); }
  DeviceTensor(const DeviceTensor&) = delete;
  DeviceTensor& operator=(const DeviceTensor&) = delete;

  std::size_t bytes() const { return static_cast<std::size_t>(shape_.elements()) * size_of(type_); }
  TensorView view() const { return {data_, type_, shape_}; }
  HostTensor values() const {
    std::vector<std::byte> raw(bytes());
    BERTYARD_CHECK_CUDA(cudaMemcpy(raw.data(), data_, bytes(), cudaMemcpyDeviceToHost));
    return {shape_, widened(raw.data(), type_, shape_.elements())};
  }

 private:
  void* data_ = nullptr;
  DType type_;
  Shape shape_;
};

struct AttentionCase {
  std::string name;
  std::vector<std::int32_t> lengths;
  std::int64_t heads, head_size;
  double dropout = 0;
  bool masked = false, causal = false, scores = false;
  std::int32_t first_position = 0;
  int filler = 0;  // tokens behind the last sequence
};

// One case on the emulated device: inputs rounded to `type`, both directions, and the reference on
// the same rounded inputs.
struct AttentionRun {
  TokenTags tags;
  DType type;
  std::int64_t tokens, hidden;
  HostTensor qkv, dy, dscores;
  std::vector<std::uint8_t> mask;
  ReferenceAttention reference;
  HostTensor y, log_sum, dqkv, scores;

  AttentionRun(const AttentionCase& c, DType t, AttentionKernel kernel)
      : tags(tags_of(c)),
        type(t),
        tokens(tags.tokens()),
        hidden(c.heads * c.head_size),
        qkv(rounded(random_tensor({tokens, 3 * hidden}, 1, 2), t)),
        dy(rounded(random_tensor({tokens, hidden}, 2), t)),
        dscores(random_tensor({c.scores ? scores_of(c) : 0}, 3, 0.1)),
        y({0}),
        log_sum({0}),
        dqkv({0}),
        scores({0}) {
    for (std::int64_t i = 0; i < tokens; ++i) mask.push_back(i % 3 == 1 ? 1 : 0);
    reference.offsets = tags.offsets;
    reference.heads = c.heads;
    if (c.masked) reference.key_mask = mask;
    reference.causal = c.causal;
    reference.dropout = tags.dropout(c.dropout, DropoutSite::attention_probability);
    run(c, kernel);
  }

  static TokenTags tags_of(const AttentionCase& c) {
    TokenTags result(c.lengths);
    for (std::int32_t& position : result.position) position += c.first_position;
    result.sample.resize(result.sample.size() + static_cast<std::size_t>(c.filler), 7);
    result.position.resize(result.sample.size(), 0);
    return result;
  }
  static std::int64_t scores_of(const AttentionCase& c) {
    std::int64_t squares = 0;
    for (const std::int64_t length : c.lengths) squares += length * length;
    return c.heads * squares;
  }
  static HostTensor rounded(HostTensor x, DType type) {
    const std::vector<std::byte> raw = narrowed(x.values, type);
    x.values = widened(raw.data(), type, x.shape.elements());
    return x;
  }
  DeviceTensor on_device(const HostTensor& x) const {
    return {type, x.shape, narrowed(x.values, type).data()};
  }

  void run(const AttentionCase& c, AttentionKernel kernel) {
    cudaStream_t stream = nullptr;
    BERTYARD_CHECK_CUDA(cudaStreamCreate(&stream));
    const CudaAttention attention(kernel, 232448, stream);
    const DeviceTensor device_qkv = on_device(qkv), device_dy = on_device(dy);
    const auto entries = static_cast<std::int64_t>(tags.offsets.size());
    const DeviceTensor offsets(DType::i32, {entries}, tags.offsets.data());
    const DeviceTensor sample(DType::u64, {tokens}, tags.sample.data());
    const DeviceTensor position(DType::i32, {tokens}, tags.position.data());
    const DeviceTensor key_mask(DType::u8, {tokens}, mask.data());
    const DeviceTensor device_y(type, {tokens, hidden}), device_dqkv(type, {tokens, 3 * hidden});
    const DeviceTensor device_log_sum(DType::f32, {tokens, c.heads});
    const DeviceTensor device_scores(DType::f32, {scores_of(c)});
    const DeviceTensor device_dscores(DType::f32, dscores.shape, dscores.values.data());
    Dropout dropout = reference.dropout;
    dropout.sample = sample.view();
    dropout.position = position.view();
    PackedSequences packing = {offsets.view(), 0, {}, c.causal};
    for (const std::int64_t length : c.lengths) {
      packing.max_length = std::max(packing.max_length, length);
    }
    if (packing.max_length > 0 && packing.max_length < 500)
      packing.max_length += 3;  // an upper bound is enough
    if (c.masked) packing.key_mask = key_mask.view();

    attention.forward({.y = device_y.view(),
                       .log_sum = device_log_sum.view(),
                       .scores = c.scores ? device_scores.view() : TensorView(),
                       .qkv = device_qkv.view(),
                       .heads = c.heads,
                       .packing = packing,
                       .dropout = dropout});
    attention.backward(device_dqkv.view(), c.scores ? device_dscores.view() : TensorView(),
                       {device_dy.view(), device_y.view(), device_log_sum.view(), device_qkv.view(),
                        c.heads, packing, dropout});
    BERTYARD_CHECK_CUDA(cudaStreamSynchronize(stream));
    y = device_y.values();
    log_sum = device_log_sum.values();
    dqkv = device_dqkv.values();
    if (c.scores) scores = device_scores.values();
    BERTYARD_CHECK_CUDA(cudaStreamDestroy(stream));
  }

  void expect_matches_reference(double tolerance) const {
    const Matrix x = qkv.matrix();
    Values expected_scores;
    expect_near(y, reference.forward(x, &expected_scores).values, tolerance, "y");
    expect_near(dqkv, reference.backward(dy.matrix(), x, dscores.doubles()).values, tolerance,
                "dqkv");
    if (!scores.values.empty()) expect_near(scores, expected_scores, tolerance, "scores");
  }
};

// f32: sums of up to 512 terms of order 1, and expf's and the sum's rounding.
constexpr double kFloatTolerance = 3e-6;
// bf16: P and dS are rounded to 2^-9 relative, results too.
constexpr double kBFloatTolerance = 6e-3;
constexpr double kHalfTolerance = 8e-4;

const AttentionCase kGenericCases[] = {
    {.name = "head of 8, odd lengths", .lengths = {7, 33, 1}, .heads = 4, .head_size = 8},
    {.name = "mask with holes", .lengths = {7, 65}, .heads = 2, .head_size = 8, .masked = true},
    {.name = "causal", .lengths = {37, 65}, .heads = 2, .head_size = 16, .causal = true},
    {.name = "dropout", .lengths = {33, 12, 129}, .heads = 1, .head_size = 64, .dropout = 0.1},
    {.name = "all at once",
     .lengths = {33, 64, 0, 5},
     .heads = 3,
     .head_size = 40,
     .dropout = 0.3,
     .masked = true,
     .causal = true,
     .filler = 9},
    {.name = "scores", .lengths = {20, 0, 41}, .heads = 3, .head_size = 24, .scores = true},
    {.name = "scores, all at once",
     .lengths = {7, 34},
     .heads = 2,
     .head_size = 33,
     .dropout = 0.1,
     .masked = true,
     .causal = true,
     .scores = true},
    {.name = "head of 128", .lengths = {50}, .heads = 1, .head_size = 128, .dropout = 0.1},
    {.name = "head of 200", .lengths = {35}, .heads = 1, .head_size = 200, .masked = true},
    {.name = "positions from 13",
     .lengths = {9, 40},
     .heads = 2,
     .head_size = 16,
     .dropout = 0.2,
     .first_position = 13},
};

TEST(CudaAttention, GenericMatchesReferenceInFloat) {
  for (const AttentionCase& c : kGenericCases) {
    SCOPED_TRACE(c.name);
    AttentionRun(c, DType::f32, AttentionKernel::generic).expect_matches_reference(kFloatTolerance);
  }
}

TEST(CudaAttention, GenericMatchesReferenceInHalfTypes) {
  for (const AttentionCase& c : kGenericCases) {
    SCOPED_TRACE(c.name);
    AttentionRun(c, DType::bf16, AttentionKernel::automatic)
        .expect_matches_reference(kBFloatTolerance);
    AttentionRun(c, DType::f16, AttentionKernel::generic).expect_matches_reference(kHalfTolerance);
  }
}

const AttentionCase kTileCases[] = {
    {.name = "one token", .lengths = {1}, .heads = 1, .head_size = 64},
    {.name = "odd lengths, filler",
     .lengths = {7, 33, 1, 0, 64, 0},
     .heads = 2,
     .head_size = 64,
     .filler = 40},
    {.name = "filler alone", .lengths = {0}, .heads = 2, .head_size = 64, .filler = 5},
    {.name = "dropout", .lengths = {64, 7, 129}, .heads = 2, .head_size = 64, .dropout = 0.1},
    {.name = "causal", .lengths = {129, 33}, .heads = 1, .head_size = 64, .causal = true},
    {.name = "causal, dropout",
     .lengths = {200},
     .heads = 2,
     .head_size = 64,
     .dropout = 0.3,
     .causal = true},
    {.name = "positions from 13",
     .lengths = {40, 129},
     .heads = 1,
     .head_size = 64,
     .dropout = 0.2,
     .first_position = 13},
    {.name = "512, dropout", .lengths = {512}, .heads = 1, .head_size = 64, .dropout = 0.1},
    {.name = "up to 512", .lengths = {333, 500, 3}, .heads = 1, .head_size = 64},
};

TEST(CudaAttention, TensorCoresMatchReferenceInBFloat) {
  for (const AttentionCase& c : kTileCases) {
    SCOPED_TRACE(c.name);
    AttentionRun(c, DType::bf16, AttentionKernel::tensor_cores)
        .expect_matches_reference(kBFloatTolerance);
  }
}

TEST(CudaAttention, TensorCoresMatchReferenceInHalf) {
  for (const AttentionCase& c : kTileCases) {
    SCOPED_TRACE(c.name);
    AttentionRun(c, DType::f16, AttentionKernel::tensor_cores)
        .expect_matches_reference(kHalfTolerance);
  }
}

TEST(CudaAttention, AnyOrderOfThreadsGivesTheSameBits) {
  for (const AttentionKernel kernel : {AttentionKernel::tensor_cores, AttentionKernel::generic}) {
    const AttentionCase c = {.name = "",
                             .lengths = {150, 33},
                             .heads = 2,
                             .head_size = 64,
                             .dropout = 0.1,
                             .causal = true};
    const AttentionRun forward(c, DType::bf16, kernel);
    emulation::set_thread_order(emulation::ThreadOrder::reverse);
    const AttentionRun reverse(c, DType::bf16, kernel);
    emulation::set_thread_order(emulation::ThreadOrder::forward);

    EXPECT_EQ(forward.y.values, reverse.y.values);
    EXPECT_EQ(forward.log_sum.values, reverse.log_sum.values);
    EXPECT_EQ(forward.dqkv.values, reverse.dqkv.values);
  }
}

TEST(CudaAttention, LogSumIsThatOfTheScores) {
  for (const AttentionKernel kernel : {AttentionKernel::tensor_cores, AttentionKernel::generic}) {
    const AttentionRun run({.name = "", .lengths = {19}, .heads = 1, .head_size = 64}, DType::bf16,
                           kernel);
    Values scores;
    run.reference.forward(run.qkv.matrix(), &scores);
    for (std::size_t row = 0; row < 19; ++row) {
      double sum = 0;
      for (std::size_t key = 0; key < 19; ++key) sum += std::exp(scores[row * 19 + key]);
      EXPECT_NEAR(run.log_sum.values[row], std::log(sum), 1e-5);
    }
  }
}

TEST(CudaAttention, SequenceWithoutVisibleKeysGivesZero) {
  AttentionCase c = {.name = "", .lengths = {1, 2}, .heads = 2, .head_size = 8, .masked = true};
  AttentionRun run(c, DType::f32, AttentionKernel::generic);  // token 1 masked: i % 3 == 1
  c.lengths = {1};
  for (std::int64_t i = 0; i < run.hidden; ++i) {
    EXPECT_NE(run.y.values[static_cast<std::size_t>(i)], 0);
  }
  run.mask = {1, 1, 1};
  run.run({.name = "", .lengths = {1, 2}, .heads = 2, .head_size = 8, .masked = true},
          AttentionKernel::generic);
  EXPECT_EQ(run.y.values, std::vector<float>(run.y.values.size(), 0.0f));
  EXPECT_EQ(run.dqkv.values, std::vector<float>(run.dqkv.values.size(), 0.0f));
}

TEST(CudaAttention, TheKernelIsChosenBySizesAndRefusedByName) {
  const CudaAttention automatic(AttentionKernel::automatic, 232448, nullptr);
  const CudaAttention wanted(AttentionKernel::tensor_cores, 166912, nullptr);
  CudaAttention::Sizes sizes = {DType::bf16, AttentionPass::backward, 64, 512, false, false};

  EXPECT_EQ(name_of(automatic.kernel_for(sizes)), "tensor_cores");
  expect_error([&] { wanted.kernel_for(sizes); },
               "attention: the tensor_cores kernels need 200704 bytes of shared memory for "
               "sequences of 512 tokens, this device has 166912; choose automatic or generic");
  sizes.max_length = 384;
  EXPECT_EQ(wanted.kernel_for(sizes), AttentionKernel::tensor_cores);
  sizes.max_length = 513;
  EXPECT_EQ(name_of(automatic.kernel_for(sizes)), "generic");
  expect_error([&] { wanted.kernel_for(sizes); }, "up to 512 tokens, found 513");
  sizes = {DType::f32, AttentionPass::backward, 64, 128, false, false};
  EXPECT_EQ(automatic.kernel_for(sizes), AttentionKernel::generic);
  expect_error([&] { wanted.kernel_for(sizes); }, "are for bf16 and f16, found f32");
  sizes = {DType::bf16, AttentionPass::backward, 64, 128, true, false};
  expect_error([&] { wanted.kernel_for(sizes); }, "take no key mask");
  sizes = {DType::bf16, AttentionPass::backward, 64, 128, false, true};
  expect_error([&] { wanted.kernel_for(sizes); }, "do not give scores");
  sizes = {.type = DType::bf16, .head_size = 64, .max_length = 128, .aligned = false};
  EXPECT_EQ(automatic.kernel_for(sizes), AttentionKernel::generic);
  expect_error([&] { wanted.kernel_for(sizes); }, "take tensors at multiples of 16 bytes");
  sizes = {DType::f32, AttentionPass::backward, 257, 128, false, false};
  expect_error([&] { static_cast<void>(automatic.kernel_for(sizes)); },
               "attention: heads of up to 256 on a GPU, found 257");
}

TEST(CudaAttention, ForwardKeepsTensorCoresWhereBackwardLacksSharedMemory) {
  const CudaAttention ada(AttentionKernel::automatic, 101376, nullptr);

  struct Expected {
    std::int64_t length;
    AttentionKernel forward, backward;
  };
  for (const auto& [length, forward, backward] :
       {Expected{128, AttentionKernel::tensor_cores, AttentionKernel::tensor_cores},
        Expected{256, AttentionKernel::tensor_cores, AttentionKernel::generic},
        Expected{512, AttentionKernel::generic, AttentionKernel::generic}}) {
    CudaAttention::Sizes sizes{.type = DType::bf16, .head_size = 64, .max_length = length};
    EXPECT_EQ(ada.kernel_for(sizes), backward) << length;
    sizes.pass = AttentionPass::forward;
    EXPECT_EQ(ada.kernel_for(sizes), forward) << length;
  }
}

}  // namespace
}  // namespace bertyard::testing
