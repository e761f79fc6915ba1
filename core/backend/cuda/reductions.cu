// SPDX-License-Identifier: Apache-2.0
// Norms, the finite check, leaf sums and the step scalars. Sums of squares are f64 over fixed
// chunks, each by a fixed tree, so that no bit depends on the number of blocks. Bound by bytes.
#include "core/backend/cuda/block_reduce.cuh"
#include "core/backend/cuda/cuda_error.h"
#include "core/backend/cuda/cuda_streams.h"
#include "core/backend/cuda/cuda_update_ops.h"
#include "core/backend/cuda/elements.cuh"
#include "core/backend/cuda/launch.cuh"
#include "core/backend/cuda/narrow.h"
#include "core/backend/cuda/update_plan_tables.h"
#include "core/backend/tensor_checks.h"
#include "core/base/hash.h"

namespace bertyard {
namespace {

constexpr int kThreads = 256;
constexpr int kEach = 4;

__device__ double squares_of(const float* x, const NormChunk& chunk) {
  double sum = 0;
  const float* first = x + chunk.offset;
  // Where the chunk lies may depend on the number of ranks; the order of the sum must not.
  const bool aligned = allows_16(first);
  const std::int64_t fours = chunk.elements / kEach;
  for (std::int64_t i = threadIdx.x; i < fours; i += kThreads) {
    Elements16<float> four;
    if (aligned) {
      four = load_16(first + i * kEach);
    } else {
#pragma unroll
      for (int e = 0; e < kEach; ++e) four.value[e] = first[i * kEach + e];
    }
#pragma unroll
    for (int e = 0; e < kEach; ++e) {
      const auto value = static_cast<double>(four.value[e]);
      sum += value * value;
    }
  }
  for (std::int64_t i = fours * kEach + threadIdx.x; i < chunk.elements; i += kThreads) {
    const auto value = static_cast<double>(first[i]);
    sum += value * value;
  }
  return sum;
}

__global__ void __launch_bounds__(kThreads)
    sums_of_squares_kernel(double* sums, const float* x, const DeviceTables tables) {
  __shared__ double slots[kThreads];
  for (std::int64_t c = blockIdx.x; c < tables.chunk_count; c += gridDim.x) {
    const double total = block_reduce<kThreads>(squares_of(x, tables.chunks[c]), slots,
                                                [](double a, double b) { return a + b; });
    if (threadIdx.x == 0) sums[c] = total;
  }
}

constexpr int kNormThreads = 1024;

__global__ void finish_norm_kernel(double* scalars, const double* sums, std::int64_t count,
                                   double clip_norm) {
  __shared__ double slots[kNormThreads];
  double own = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += kNormThreads) own += sums[i];
  const double total =
      block_reduce<kNormThreads>(own, slots, [](double a, double b) { return a + b; });
  if (threadIdx.x == 0) finish_norm_in(scalars, total, clip_norm);
}

__global__ void add_chunks_kernel(double* out, const double* sums, const DeviceTables tables) {
  __shared__ double slots[kThreads];
  const std::int64_t end = tables.first_chunk[blockIdx.x + 1];
  double own = 0;
  for (std::int64_t i = tables.first_chunk[blockIdx.x] + threadIdx.x; i < end; i += kThreads) {
    own += sums[i];
  }
  const double total = block_reduce<kThreads>(own, slots, [](double a, double b) { return a + b; });
  if (threadIdx.x == 0) out[blockIdx.x] = total;
}

__global__ void scale_losses_kernel(float* scales, const float* factors, std::int64_t count,
                                    const double* scalars) {
  const auto scale = static_cast<float>(scalars[kLossScale]);
  for (std::int64_t i = threadIdx.x; i < count; i += blockDim.x) scales[i] = factors[i] * scale;
}

__global__ void adapt_loss_scale_kernel(double* scalars, LossScaling scaling) {
  adapt_loss_scale_in(scalars, scaling);
}

__global__ void set_one_kernel(std::int32_t* flag) {
  *flag = 1;
}

// Whoever finds a bad element writes the same 0.
__global__ void check_finite_kernel(std::int32_t* finite, const float* x, std::int64_t elements) {
  bool good = true;
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
       i < elements; i += stride) {
    good = good && x[i] - x[i] == 0;
  }
  if (!good) *finite = 0;
}

__global__ void add_kernel(float* sum, const float* addend, std::int64_t elements) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
       i < elements; i += stride) {
    sum[i] += addend[i];
  }
}

}  // namespace

unsigned CudaUpdateOps::blocks_for(std::int64_t pieces) const {
  return static_cast<unsigned>(pieces < blocks_ ? pieces : blocks_);
}

std::unique_ptr<UpdatePlan> CudaUpdateOps::make_plan(UpdateTables tables) {
  return make_cuda_update_plan(std::move(tables));
}

void CudaUpdateOps::sums_of_squares(TensorView sums, ConstTensorView x, const UpdatePlan& plan) {
  check_tensor({"sums_of_squares", "sums"}, sums, DType::f64, {plan.chunks()});
  check_f32({"sums_of_squares", "x"}, x, {x.elements()});
  const DeviceTables& tables = device_tables("sums_of_squares", plan, x.elements());
  if (tables.chunk_count == 0) return;
  launch("sums_of_squares", sums_of_squares_kernel,
         {.grid = dim3(blocks_for(tables.chunk_count)), .block = dim3(kThreads), .stream = stream_},
         sums.as<double>(), x.as<float>(), tables);
}

void CudaUpdateOps::finish_norm(TensorView scalars, ConstTensorView sums, double clip_norm) {
  check_tensor({"finish_norm", "scalars"}, scalars, DType::f64, {kStepScalarCount});
  check_tensor({"finish_norm", "sums"}, sums, DType::f64, {sums.elements()});
  launch("finish_norm", finish_norm_kernel,
         {.grid = dim3(1), .block = dim3(kNormThreads), .stream = stream_}, scalars.as<double>(),
         sums.as<double>(), sums.elements(), clip_norm);
}

void CudaUpdateOps::add_chunks(TensorView out, ConstTensorView sums, const UpdatePlan& plan) {
  check_tensor({"add_chunks", "out"}, out, DType::f64, {plan.segments()});
  check_tensor({"add_chunks", "sums"}, sums, DType::f64, {plan.chunks()});
  const DeviceTables& tables = device_tables("add_chunks", plan, plan.tables().end());
  if (tables.segment_count == 0) return;
  launch("add_chunks", add_chunks_kernel,
         {.grid = dim3(static_cast<unsigned>(tables.segment_count)),
          .block = dim3(kThreads),
          .stream = stream_},
         out.as<double>(), sums.as<double>(), tables);
}

void CudaUpdateOps::scale_losses(TensorView scales, ConstTensorView factors,
                                 ConstTensorView scalars) {
  check_f32({"scale_losses", "scales"}, scales, {scales.elements()});
  check_f32({"scale_losses", "factors"}, factors, {scales.elements()});
  check_tensor({"scale_losses", "scalars"}, scalars, DType::f64, {kStepScalarCount});
  launch("scale_losses", scale_losses_kernel,
         {.grid = dim3(1), .block = dim3(32), .stream = stream_}, scales.as<float>(),
         factors.as<float>(), scales.elements(), scalars.as<double>());
}

void CudaUpdateOps::adapt_loss_scale(TensorView scalars, const LossScaling& scaling) {
  check_tensor({"adapt_loss_scale", "scalars"}, scalars, DType::f64, {kStepScalarCount});
  launch("adapt_loss_scale", adapt_loss_scale_kernel,
         {.grid = dim3(1), .block = dim3(1), .stream = stream_}, scalars.as<double>(), scaling);
}

void CudaUpdateOps::cast(TensorView to, ConstTensorView from, Stream& stream) {
  check_elements({"cast", "from"}, from, to.elements());
  convert(to, from, native_stream(stream));
}

void CudaUpdateOps::check_finite(TensorView finite, ConstTensorView x) {
  check_tensor({"check_finite", "finite"}, finite, DType::i32, {1});
  check_f32({"check_finite", "x"}, x, x.shape());
  auto* flag = finite.as<std::int32_t>();
  launch("check_finite", set_one_kernel, {.grid = dim3(1), .block = dim3(1), .stream = stream_},
         flag);
  if (x.elements() == 0) return;
  launch("check_finite", check_finite_kernel,
         {.grid = dim3(blocks_for((x.elements() + kThreads - 1) / kThreads)),
          .block = dim3(kThreads),
          .stream = stream_},
         flag, x.as<float>(), x.elements());
}

void CudaUpdateOps::add(TensorView sum, ConstTensorView addend, Stream& stream) {
  check_f32({"add", "sum"}, sum, sum.shape());
  check_f32({"add", "addend"}, addend, sum.shape());
  if (sum.elements() == 0) return;
  launch("add", add_kernel,
         {.grid = dim3(blocks_for((sum.elements() + kThreads - 1) / kThreads)),
          .block = dim3(kThreads),
          .stream = native_stream(stream)},
         sum.as<float>(), addend.as<float>(), sum.elements());
}

std::uint64_t CudaUpdateOps::hash(ConstTensorView x) {
  BERTYARD_CHECK_CUDA(cudaStreamSynchronize(stream_));
  std::vector<std::byte> bytes(x.bytes());
  if (!bytes.empty()) {
    BERTYARD_CHECK_CUDA(cudaMemcpy(bytes.data(), x.data(), bytes.size(), cudaMemcpyDeviceToHost));
  }
  return xxh3(bytes);
}

}  // namespace bertyard
