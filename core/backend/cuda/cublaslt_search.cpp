// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/cublaslt_search.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/backend/cuda/cublas_error.h"
#include "core/backend/cuda/cuda_handles.h"
#include "core/backend/cuda/cuda_memory.h"

namespace bertyard {
namespace {

constexpr int kProposals = 16;
constexpr int kRuns = 4;  // of each, after one that warms up

class Preference {
 public:
  explicit Preference(std::size_t workspace_bytes) {
    BERTYARD_CHECK_CUBLAS(cublasLtMatmulPreferenceCreate(&made_));
    BERTYARD_CHECK_CUBLAS(cublasLtMatmulPreferenceSetAttribute(
        made_, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace_bytes, sizeof workspace_bytes));
  }
  ~Preference() { static_cast<void>(cublasLtMatmulPreferenceDestroy(made_)); }
  Preference(const Preference&) = delete;
  Preference& operator=(const Preference&) = delete;
  cublasLtMatmulPreference_t get() const { return made_; }

 private:
  cublasLtMatmulPreference_t made_ = nullptr;
};

MatrixChoice choice_of(const cublasLtMatmulAlgo_t& algorithm) {
  MatrixChoice choice;
  static_assert(sizeof choice.words == sizeof algorithm);
  std::memcpy(choice.words.data(), &algorithm, sizeof algorithm);
  return choice;
}

float milliseconds(const MatrixContext& context, const ProductDescriptors& descriptors,
                   const MatrixChoice& choice, const DeviceProduct& product, void* y) {
  const CudaEventHandle begin = make_cuda_event(EventTiming::yes);
  const CudaEventHandle end = make_cuda_event(EventTiming::yes);
  run_product(context, descriptors, choice, product, y);
  BERTYARD_CHECK_CUDA(cudaEventRecord(begin.get(), context.stream));
  for (int i = 0; i < kRuns; ++i) run_product(context, descriptors, choice, product, y);
  BERTYARD_CHECK_CUDA(cudaEventRecord(end.get(), context.stream));
  BERTYARD_CHECK_CUDA(cudaEventSynchronize(end.get()));
  float result = 0;
  BERTYARD_CHECK_CUDA(cudaEventElapsedTime(&result, begin.get(), end.get()));
  return result;
}

// Where the epilogue's side results and the result itself go meanwhile.
struct Elsewhere {
  Buffer y, pre, sums;
  DeviceProduct product;

  explicit Elsewhere(const DeviceProduct& given) : product(given) {
    const auto elements = static_cast<std::size_t>(given.m * given.leading);
    y = allocate_device_memory(elements * size_of(given.y_type));
    if (given.epilogue == ProductEpilogue::bias_gelu_tanh) {
      pre =
          allocate_device_memory(static_cast<std::size_t>(given.m * given.n) * size_of(given.type));
      product.pre = pre.data();
    }
    if (given.epilogue == ProductEpilogue::row_sums) {
      sums = allocate_device_memory(static_cast<std::size_t>(given.m) * sizeof(float));
      product.sums = static_cast<float*>(sums.data());
    }
  }
};

}  // namespace

void run_product(const MatrixContext& context, const ProductDescriptors& descriptors,
                 const MatrixChoice& choice, const DeviceProduct& product, void* y) {
  const float one = 1.0f;
  cublasLtMatmulAlgo_t algorithm;
  std::memcpy(&algorithm, choice.words.data(), sizeof algorithm);
  BERTYARD_CHECK_CUBLAS(cublasLtMatmul(
      context.handle, descriptors.product(), &one, product.b.data, descriptors.b(), product.a.data,
      descriptors.a(), &product.beta, product.y, descriptors.y(), y, descriptors.y(), &algorithm,
      context.workspace.data(), context.workspace.bytes(), context.stream));
}

std::optional<MatrixChoice> search_algorithm(const MatrixContext& context,
                                             ProductDescriptors& descriptors,
                                             const DeviceProduct& product) {
  const Preference preference(context.workspace.bytes());
  std::array<cublasLtMatmulHeuristicResult_t, kProposals> proposals;
  int found = 0;
  const cublasStatus_t code = cublasLtMatmulAlgoGetHeuristic(
      context.handle, descriptors.product(), descriptors.b(), descriptors.a(), descriptors.y(),
      descriptors.y(), preference.get(), kProposals, proposals.data(), &found);
  if (code == CUBLAS_STATUS_NOT_SUPPORTED || found == 0) return {};
  BERTYARD_CHECK_CUBLAS(code);
  std::optional<MatrixChoice> best;
  float shortest = 0;
  if (found == 1) return choice_of(proposals[0].algo);
  Elsewhere elsewhere(product);
  descriptors.set_pointers(elsewhere.product);
  for (int i = 0; i < found; ++i) {
    if (proposals[static_cast<std::size_t>(i)].state != CUBLAS_STATUS_SUCCESS) continue;
    const MatrixChoice choice = choice_of(proposals[static_cast<std::size_t>(i)].algo);
    const float time =
        milliseconds(context, descriptors, choice, elsewhere.product, elsewhere.y.data());
    if (!best || time < shortest) {
      best = choice;
      shortest = time;
    }
  }
  return best;
}

}  // namespace bertyard
