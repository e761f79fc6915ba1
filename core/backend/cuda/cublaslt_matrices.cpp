// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "core/backend/cuda/cublaslt_plan.h"
#include "core/backend/cuda/cublaslt_search.h"
#include "core/backend/cuda/device_matrices.h"
#include "core/backend/cuda/matrix_choices.h"
#include "core/backend/cuda/workspace_plan.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

// Products by cublasLt. A shape's descriptors are made when it is first met; its algorithm comes
// from the choices that were handed in, else from timing what the heuristics propose, which takes a
// moment and memory and therefore happens before any graph is captured.
class CublasLtMatrices : public DeviceMatrices {
 public:
  CublasLtMatrices(FloatProducts floats, cudaStream_t stream)
      : handle_(make_cublaslt_handle()), floats_(floats), stream_(stream) {}

  std::string name() const override { return cublaslt_name(); }
  std::size_t workspace_bytes() const override { return kProductWorkspaceBytes; }
  void use_workspace(TensorView bytes) override { workspace_ = bytes; }

  bool takes(const DeviceProduct& product) override {
    return allows(product) && plan_of(product).choice.has_value();
  }

  void multiply(const DeviceProduct& product) override {
    MatrixPlan& plan = plan_of(product);
    if (!plan.choice) {
      throw EnvironmentError(
          fmt::format("cublasLt has no algorithm for the product {}", product_key(product)));
    }
    plan.descriptors.set_pointers(product);
    run_product(context(), plan.descriptors, *plan.choice, product);
  }

  std::string choices() const override {
    MatrixChoices known = given_;
    for (const auto& [key, plan] : plans_) {
      if (plan.choice) known.insert_or_assign(key, *plan.choice);
    }
    return write_choices(header(), known);
  }
  bool use_choices(const std::string& text) override {
    std::optional<MatrixChoices> read = read_choices(header(), text);
    if (!read) return false;
    given_ = std::move(*read);
    return true;
  }

 private:
  struct MatrixPlan {
    ProductDescriptors descriptors;
    std::optional<MatrixChoice> choice;  // absent: cublasLt cannot
  };

  // An algorithm is one of a type of arithmetic and a size of workspace.
  std::string header() const {
    return choices_header(fmt::format("{}, {}, {} bytes of workspace", name(),
                                      floats_ == FloatProducts::tf32 ? "tf32" : "f32",
                                      kProductWorkspaceBytes));
  }
  // cublasLt.h: the leading dimension of what GELU's epilogues write and read is a multiple of 8.
  static bool allows(const DeviceProduct& product) {
    const bool is_gelu = product.epilogue == ProductEpilogue::bias_gelu_tanh ||
                         product.epilogue == ProductEpilogue::gelu_tanh_gradient;
    return !is_gelu || (product.n % 8 == 0 && alignment_of(product.pre) >= 16);
  }
  MatrixContext context() const { return {handle_.get(), workspace_, stream_}; }

  MatrixPlan& plan_of(const DeviceProduct& product) {
    const std::string key = product_key(product);
    const auto found = plans_.find(key);
    if (found != plans_.end()) return found->second;
    BERTYARD_CHECK(workspace_.present(), "products: reserve() comes before the first one");
    MatrixPlan plan{ProductDescriptors(product, floats_), {}};
    const auto given = given_.find(key);
    plan.descriptors.set_pointers(product);  // their alignment decides what is usable
    if (given != given_.end() && is_usable(context(), plan.descriptors, given->second)) {
      plan.choice = given->second;
    } else {
      plan.choice = search_algorithm(context(), plan.descriptors, product);
    }
    return plans_.emplace(key, std::move(plan)).first->second;
  }

  CublasLtHandle handle_;
  FloatProducts floats_;
  cudaStream_t stream_;
  TensorView workspace_;
  std::map<std::string, MatrixPlan> plans_;
  MatrixChoices given_;
};

}  // namespace

std::unique_ptr<DeviceMatrices> make_device_matrices(FloatProducts floats, cudaStream_t stream) {
  return std::make_unique<CublasLtMatrices>(floats, stream);
}

}  // namespace bertyard
