// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/cublaslt_search.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "core/backend/cuda/cublas_error.h"
#include "core/backend/cuda/cuda_handles.h"
#include "core/backend/cuda/cuda_memory.h"

namespace bertyard {
namespace {

constexpr int kProposals = 16;
constexpr int kWarmUps = 2;  // the first of them loads the kernel
constexpr int kRuns = 5;     // of each, timed one by one
// Of two that differ by less the one that cublasLt names first is taken: noise must not decide.
constexpr float kClearlyFaster = 0.98f;
// A sum that is cut into pieces of fewer rows than this has been reported to lose its tail
// (facebookexperimental/triton issue 2767, cublasLt 12 and 13 on H100).
constexpr std::int64_t kWholePieces = 128;

// Whether a sum may be cut into pieces, whose order of addition the algorithm then says.
enum class SplitSums { no, yes };

class Preference {
 public:
  Preference(std::size_t workspace_bytes, const ProductAlignments& alignments, SplitSums splits) {
    BERTYARD_CHECK_CUBLAS(cublasLtMatmulPreferenceCreate(&made_));
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_bytes);
    // Ours are cublasLt's the other way round: ProductDescriptors.
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignments.b);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignments.a);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignments.y);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignments.y);
    // Parts of a sum are added in the type that it is computed in, never in the result's 16 bits.
    set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
        static_cast<std::uint32_t>(splits == SplitSums::yes ? CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE
                                                            : CUBLASLT_REDUCTION_SCHEME_NONE));
  }
  ~Preference() { static_cast<void>(cublasLtMatmulPreferenceDestroy(made_)); }
  Preference(const Preference&) = delete;
  Preference& operator=(const Preference&) = delete;
  cublasLtMatmulPreference_t get() const { return made_; }

 private:
  template <typename T>
  void set(cublasLtMatmulPreferenceAttributes_t attribute, const T& value) {
    BERTYARD_CHECK_CUBLAS(
        cublasLtMatmulPreferenceSetAttribute(made_, attribute, &value, sizeof value));
  }

  cublasLtMatmulPreference_t made_ = nullptr;
};

MatrixChoice choice_of(const cublasLtMatmulAlgo_t& algorithm) {
  MatrixChoice choice;
  static_assert(sizeof choice.words == sizeof algorithm);
  std::memcpy(choice.words.data(), &algorithm, sizeof algorithm);
  return choice;
}

cublasLtMatmulAlgo_t algorithm_of(const MatrixChoice& choice) {
  cublasLtMatmulAlgo_t algorithm;
  std::memcpy(&algorithm, choice.words.data(), sizeof algorithm);
  return algorithm;
}

bool splits_the_sum(const cublasLtMatmulAlgo_t& algorithm) {
  std::int32_t pieces = 1;
  std::size_t written = 0;
  const cublasStatus_t code = cublasLtMatmulAlgoConfigGetAttribute(
      &algorithm, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &pieces, sizeof pieces, &written);
  return code != CUBLAS_STATUS_SUCCESS || pieces > 1 || pieces < 0;  // unknown counts as yes
}

cublasStatus_t try_product(const MatrixContext& context, const ProductDescriptors& descriptors,
                           const MatrixChoice& choice, const DeviceProduct& product) {
  const float one = 1.0f;
  const cublasLtMatmulAlgo_t algorithm = algorithm_of(choice);
  return cublasLtMatmul(context.handle, descriptors.product(), &one, product.b.data,
                        descriptors.b(), product.a.data, descriptors.a(), &product.beta, product.y,
                        descriptors.y(), product.y, descriptors.y(), &algorithm,
                        context.workspace.data(), context.workspace.bytes(), context.stream);
}

// The shortest of several runs; nothing where cublasLt proposed what it then refuses.
std::optional<float> milliseconds(const MatrixContext& context,
                                  const ProductDescriptors& descriptors, const MatrixChoice& choice,
                                  const DeviceProduct& product) {
  for (int i = 0; i < kWarmUps; ++i) {
    if (try_product(context, descriptors, choice, product) == CUBLAS_STATUS_SUCCESS) continue;
    static_cast<void>(cudaGetLastError());
    return {};
  }
  const CudaEventHandle begin = make_cuda_event(EventTiming::yes);
  const CudaEventHandle end = make_cuda_event(EventTiming::yes);
  float shortest = 0;
  for (int i = 0; i < kRuns; ++i) {
    BERTYARD_CHECK_CUDA(cudaEventRecord(begin.get(), context.stream));
    run_product(context, descriptors, choice, product);
    BERTYARD_CHECK_CUDA(cudaEventRecord(end.get(), context.stream));
    BERTYARD_CHECK_CUDA(cudaEventSynchronize(end.get()));
    float time = 0;
    BERTYARD_CHECK_CUDA(cudaEventElapsedTime(&time, begin.get(), end.get()));
    shortest = i == 0 ? time : std::min(shortest, time);
  }
  return shortest;
}

// The product with its results, and the epilogue's, in memory of their own.
struct Elsewhere {
  Buffer y, pre, sums;
  DeviceProduct product;

  explicit Elsewhere(const DeviceProduct& given) : product(given) {
    y = allocate_device_memory(static_cast<std::size_t>(given.m * given.leading) *
                               size_of(given.y_type));
    product.y = y.data();
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

// What cublasLt proposes, the likely fastest first.
std::vector<MatrixChoice> proposals_for(const MatrixContext& context,
                                        const ProductDescriptors& descriptors,
                                        const DeviceProduct& product) {
  const bool is_ragged = product.k % kWholePieces != 0;
  const Preference preference(context.workspace.bytes(), alignments_of(product),
                              is_ragged ? SplitSums::no : SplitSums::yes);
  std::array<cublasLtMatmulHeuristicResult_t, kProposals> results;
  int found = 0;
  const cublasStatus_t code = cublasLtMatmulAlgoGetHeuristic(
      context.handle, descriptors.product(), descriptors.b(), descriptors.a(), descriptors.y(),
      descriptors.y(), preference.get(), kProposals, results.data(), &found);
  // An epilogue that may be left to a kernel of ours: that it goes with nothing else here is a no.
  const bool is_optional =
      product.epilogue != ProductEpilogue::none && product.epilogue != ProductEpilogue::bias;
  if (code == CUBLAS_STATUS_INVALID_VALUE && is_optional) return {};
  if (code != CUBLAS_STATUS_NOT_SUPPORTED) BERTYARD_CHECK_CUBLAS(code);
  std::vector<MatrixChoice> proposals;
  for (int i = 0; i < found; ++i) {
    const cublasLtMatmulHeuristicResult_t& result = results[static_cast<std::size_t>(i)];
    if (result.state != CUBLAS_STATUS_SUCCESS) continue;
    if (is_ragged && splits_the_sum(result.algo)) continue;
    proposals.push_back(choice_of(result.algo));
  }
  return proposals;
}

}  // namespace

void run_product(const MatrixContext& context, const ProductDescriptors& descriptors,
                 const MatrixChoice& choice, const DeviceProduct& product) {
  BERTYARD_CHECK_CUBLAS(try_product(context, descriptors, choice, product));
}

bool is_usable(const MatrixContext& context, const ProductDescriptors& descriptors,
               const MatrixChoice& choice) {
  const cublasLtMatmulAlgo_t algorithm = algorithm_of(choice);
  cublasLtMatmulHeuristicResult_t result = {};
  return cublasLtMatmulAlgoCheck(context.handle, descriptors.product(), descriptors.b(),
                                 descriptors.a(), descriptors.y(), descriptors.y(), &algorithm,
                                 &result) == CUBLAS_STATUS_SUCCESS &&
         result.workspaceSize <= context.workspace.bytes();
}

// Trials run as the product will: in place, on operands of the same alignment.
std::optional<MatrixChoice> search_algorithm(const MatrixContext& context,
                                             ProductDescriptors& descriptors,
                                             const DeviceProduct& product) {
  const std::vector<MatrixChoice> proposals = proposals_for(context, descriptors, product);
  if (proposals.empty()) return {};
  const Elsewhere elsewhere(product);
  descriptors.set_pointers(elsewhere.product);
  std::optional<MatrixChoice> best;
  float shortest = 0;
  for (const MatrixChoice& choice : proposals) {
    const auto time = milliseconds(context, descriptors, choice, elsewhere.product);
    if (!time || (best && *time >= kClearlyFaster * shortest)) continue;
    best = choice;
    shortest = *time;
  }
  return best;
}

}  // namespace bertyard
