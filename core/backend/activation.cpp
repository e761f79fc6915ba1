// SPDX-License-Identifier: Apache-2.0
#include "core/backend/activation.h"

namespace bertyard {

std::string_view name_of(Activation activation) {
  switch (activation) {
    case Activation::identity:
      return "identity";
    case Activation::gelu_tanh:
      return "gelu_tanh";
    case Activation::gelu_erf:
      return "gelu_erf";
    case Activation::tanh:
      return "tanh";
  }
  return "?";
}

}  // namespace bertyard
