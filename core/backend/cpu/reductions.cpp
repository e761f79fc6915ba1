// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "core/backend/cpu/cpu_update_ops.h"
#include "core/backend/cpu/tensor_checks.h"
#include "core/backend/update_math.h"
#include "core/base/error.h"
#include "core/base/hash.h"

namespace bertyard {

void CpuUpdateOps::sums_of_squares(TensorView sums, ConstTensorView x, const UpdatePlan& plan) {
  const std::vector<NormChunk>& chunks = plan.tables().chunks;
  check_tensor({"sums_of_squares", "sums"}, sums, DType::f64, {plan.chunks()});
  check_f32({"sums_of_squares", "x"}, x, {x.elements()});
  if (plan.tables().end() > x.elements()) {
    throw Error(fmt::format("sums_of_squares: the plan reaches to element {}, x has {}",
                            plan.tables().end(), x.elements()));
  }
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::size_t c = 0; c < chunks.size(); ++c) {
    sums.as<double>()[c] =
        kernels_.update.sum_of_squares(x.as<float>() + chunks[c].offset, chunks[c].elements);
  }
}

void CpuUpdateOps::finish_norm(TensorView scalars, ConstTensorView sums, double clip_norm) {
  check_tensor({"finish_norm", "scalars"}, scalars, DType::f64, {kStepScalarCount});
  check_tensor({"finish_norm", "sums"}, sums, DType::f64, {sums.elements()});
  double total = 0;
  for (const double sum : sums.span<double>()) total += sum;
  finish_norm_in(scalars.as<double>(), total, clip_norm);
}

void CpuUpdateOps::add_chunks(TensorView out, ConstTensorView sums, const UpdatePlan& plan) {
  check_tensor({"add_chunks", "out"}, out, DType::f64, {plan.segments()});
  check_tensor({"add_chunks", "sums"}, sums, DType::f64, {plan.chunks()});
  const std::vector<std::int64_t>& first = plan.tables().first_chunk;
  for (std::size_t s = 0; s + 1 < first.size(); ++s) {
    double total = 0;
    for (std::int64_t c = first[s]; c < first[s + 1]; ++c) total += sums.as<double>()[c];
    out.as<double>()[s] = total;
  }
}

void CpuUpdateOps::scale_losses(TensorView scales, ConstTensorView factors,
                                ConstTensorView scalars) {
  check_f32({"scale_losses", "scales"}, scales, {scales.elements()});
  check_f32({"scale_losses", "factors"}, factors, {scales.elements()});
  check_tensor({"scale_losses", "scalars"}, scalars, DType::f64, {kStepScalarCount});
  const auto scale = static_cast<float>(scalars.as<double>()[kLossScale]);
  for (std::int64_t i = 0; i < scales.elements(); ++i) {
    scales.as<float>()[i] = factors.as<float>()[i] * scale;
  }
}

void CpuUpdateOps::adapt_loss_scale(TensorView scalars, const LossScaling& scaling) {
  check_tensor({"adapt_loss_scale", "scalars"}, scalars, DType::f64, {kStepScalarCount});
  adapt_loss_scale_in(scalars.as<double>(), scaling);
}

void CpuUpdateOps::check_finite(TensorView finite, ConstTensorView x) {
  check_tensor({"check_finite", "finite"}, finite, DType::i32, {1});
  check_f32({"check_finite", "x"}, x, x.shape());
  constexpr std::int64_t kPiece = 16384;
  int bad = 0;
#pragma omp parallel for num_threads(threads_) schedule(static) reduction(| : bad)
  for (std::int64_t at = 0; at < x.elements(); at += kPiece) {
    const std::int64_t count = std::min(kPiece, x.elements() - at);
    if (!kernels_.update.all_finite(x.as<float>() + at, count)) bad |= 1;
  }
  finite.as<std::int32_t>()[0] = bad == 0 ? 1 : 0;
}

void CpuUpdateOps::add(TensorView sum, ConstTensorView addend, Stream& /*stream*/) {
  check_f32({"add", "sum"}, sum, sum.shape());
  check_f32({"add", "addend"}, addend, sum.shape());
  constexpr std::int64_t kPiece = 16384;
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t at = 0; at < sum.elements(); at += kPiece) {
    kernels_.activation.add(sum.as<float>() + at, addend.as<float>() + at,
                            std::min(kPiece, sum.elements() - at));
  }
}

std::uint64_t CpuUpdateOps::hash(ConstTensorView x) {
  return xxh3({static_cast<const std::byte*>(x.data()), x.bytes()});
}

}  // namespace bertyard
