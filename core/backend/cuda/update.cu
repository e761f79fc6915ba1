// SPDX-License-Identifier: Apache-2.0
// Optimizer steps over flat buffers. Bound by bytes: AdamW reads p, g, m, v and writes p, m, v, 28
// bytes an element; LAMB's first half writes u in place of p, its second reads p and u and writes
// p, 12 bytes more.
#include "core/backend/cuda/cuda_update_ops.h"
#include "core/backend/cuda/elements.cuh"
#include "core/backend/cuda/launch.cuh"
#include "core/backend/cuda/update_plan_tables.h"
#include "core/backend/tensor_checks.h"

namespace bertyard {
namespace {

constexpr int kThreads = 256;
constexpr int kEach = 4;  // elements of one access

struct UpdateArguments {
  float *parameters, *gradients, *first, *second;
  const double* scalars;
  DeviceTables tables;
  MomentConstants constants;
  BiasCorrection correction;
};

template <typename Update>
__device__ void update_four(const UpdateArguments& in, const UpdateFactors& factors, float decay,
                            std::int64_t at) {
  Elements16<float> p = load_16(in.parameters + at), g = load_16(in.gradients + at);
  Elements16<float> m = load_16(in.first + at), v = {};
  if constexpr (Update::kSecondMoment) v = load_16(in.second + at);
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    UpdateElement e{p.value[i], g.value[i], m.value[i], v.value[i]};
    Update::apply(e, factors, decay);
    p.value[i] = e.parameter, g.value[i] = e.gradient, m.value[i] = e.first, v.value[i] = e.second;
  }
  if constexpr (Update::kWritesGradient) {
    store_16(in.gradients + at, g);
  } else {
    store_16(in.parameters + at, p);
  }
  store_16(in.first + at, m);
  if constexpr (Update::kSecondMoment) store_16(in.second + at, v);
}

template <typename Update>
__device__ void update_one(const UpdateArguments& in, const UpdateFactors& factors, float decay,
                           std::int64_t at) {
  UpdateElement e{in.parameters[at], in.gradients[at], in.first[at], 0};
  if constexpr (Update::kSecondMoment) e.second = in.second[at];
  Update::apply(e, factors, decay);
  if constexpr (Update::kWritesGradient) {
    in.gradients[at] = e.gradient;
  } else {
    in.parameters[at] = e.parameter;
  }
  in.first[at] = e.first;
  if constexpr (Update::kSecondMoment) in.second[at] = e.second;
}

// A rank's part of a buffer may begin at any element.
__device__ bool is_aligned(const UpdateArguments& in, std::int64_t at) {
  const auto fits = [at](const float* p) { return p == nullptr || allows_16(p + at); };
  return fits(in.parameters) && fits(in.gradients) && fits(in.first) && fits(in.second);
}

template <typename Update>
__global__ void __launch_bounds__(kThreads) update_kernel(const UpdateArguments in) {
  __shared__ float shared[sizeof(UpdateFactors) / sizeof(float)];
  auto& factors = *reinterpret_cast<UpdateFactors*>(shared);
  if (threadIdx.x == 0) factors = update_factors(in.scalars, in.constants, in.correction);
  __syncthreads();
  if (in.scalars[kFinite] == 0) return;
  const UpdateFactors own = factors;
  for (std::int64_t c = blockIdx.x; c < in.tables.chunk_count; c += gridDim.x) {
    const NormChunk chunk = in.tables.chunks[c];
    const float decay = in.tables.segments[chunk.segment].weight_decay;
    const std::int64_t end = chunk.offset + chunk.elements;
    std::int64_t done = chunk.offset;
    if (is_aligned(in, chunk.offset)) {
      const std::int64_t fours = chunk.elements / kEach;
      for (std::int64_t i = threadIdx.x; i < fours; i += kThreads) {
        update_four<Update>(in, own, decay, chunk.offset + i * kEach);
      }
      done += fours * kEach;
    }
    for (std::int64_t at = done + threadIdx.x; at < end; at += kThreads) {
      update_one<Update>(in, own, decay, at);
    }
  }
}

struct LambArguments {
  float* parameters;
  const float* update;
  const double *parameter_squares, *update_squares, *scalars;
  DeviceTables tables;
};

__global__ void __launch_bounds__(kThreads) lamb_apply_kernel(const LambArguments in) {
  if (in.scalars[kFinite] == 0) return;
  for (std::int64_t c = blockIdx.x; c < in.tables.chunk_count; c += gridDim.x) {
    const NormChunk chunk = in.tables.chunks[c];
    const UpdateSegment segment = in.tables.segments[chunk.segment];
    const float factor =
        lamb_factor(in.scalars[kLearningRate], in.parameter_squares[segment.tensor],
                    in.update_squares[segment.tensor], segment.weight_decay);
    for (std::int64_t i = threadIdx.x; i < chunk.elements; i += kThreads) {
      in.parameters[chunk.offset + i] -= factor * in.update[chunk.offset + i];
    }
  }
}

void check_scalars(std::string_view operation, const ConstTensorView& scalars) {
  check_tensor({operation, "scalars"}, scalars, DType::f64, {kStepScalarCount});
}

}  // namespace

template <typename Update>
void CudaUpdateOps::update(const char* name, const UpdateTensors& tensors, const UpdatePlan& plan,
                           const Rule& rule, ConstTensorView scalars) {
  const Shape shape = {tensors.parameters.elements()};
  check_f32({name, "parameters"}, tensors.parameters, shape);
  check_f32({name, "gradients"}, tensors.gradients, shape);
  check_f32({name, "first_moment"}, tensors.first_moment, shape);
  if (Update::kSecondMoment) check_f32({name, "second_moment"}, tensors.second_moment, shape);
  check_scalars(name, scalars);
  const DeviceTables& tables = device_tables(name, plan, shape[0]);
  if (tables.chunk_count == 0) return;
  launch(name, update_kernel<Update>,
         {.grid = dim3(blocks_for(tables.chunk_count)), .block = dim3(kThreads), .stream = stream_},
         UpdateArguments{tensors.parameters.as<float>(), tensors.gradients.as<float>(),
                         tensors.first_moment.as<float>(), tensors.second_moment.as<float>(),
                         scalars.as<double>(), tables, rule.constants, rule.correction});
}

void CudaUpdateOps::adamw(const UpdateTensors& tensors, const UpdatePlan& plan,
                          const MomentConstants& constants, ConstTensorView scalars) {
  update<AdamUpdate>("adamw", tensors, plan, {constants, BiasCorrection::yes}, scalars);
}

void CudaUpdateOps::adam(const UpdateTensors& tensors, const UpdatePlan& plan,
                         const MomentConstants& constants, ConstTensorView scalars) {
  update<AdamUpdate>("adam", tensors, plan, {constants, BiasCorrection::no}, scalars);
}

void CudaUpdateOps::sgd(const UpdateTensors& tensors, const UpdatePlan& plan, double momentum,
                        ConstTensorView scalars) {
  update<SgdUpdate>("sgd", tensors, plan, {{.beta1 = momentum}, BiasCorrection::no}, scalars);
}

void CudaUpdateOps::lamb_update(const UpdateTensors& tensors, const UpdatePlan& plan,
                                const MomentConstants& constants, ConstTensorView scalars) {
  update<LambUpdate>("lamb_update", tensors, plan, {constants, BiasCorrection::yes}, scalars);
}

void CudaUpdateOps::lamb_apply(TensorView parameters, ConstTensorView update,
                               const UpdatePlan& plan, ConstTensorView parameter_squares,
                               ConstTensorView update_squares, ConstTensorView scalars) {
  const Shape tensors = {plan.tables().tensors()};
  check_f32({"lamb_apply", "parameters"}, parameters, {parameters.elements()});
  check_f32({"lamb_apply", "update"}, update, {parameters.elements()});
  check_tensor({"lamb_apply", "parameter_squares"}, parameter_squares, DType::f64, tensors);
  check_tensor({"lamb_apply", "update_squares"}, update_squares, DType::f64, tensors);
  check_scalars("lamb_apply", scalars);
  const DeviceTables& tables = device_tables("lamb_apply", plan, parameters.elements());
  if (tables.chunk_count == 0) return;
  launch("lamb_apply", lamb_apply_kernel,
         {.grid = dim3(blocks_for(tables.chunk_count)), .block = dim3(kThreads), .stream = stream_},
         LambArguments{parameters.as<float>(), update.as<float>(), parameter_squares.as<double>(),
                       update_squares.as<double>(), scalars.as<double>(), tables});
}

}  // namespace bertyard
