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

std::optional<Activation> parse_activation(std::string_view name) {
  for (const Activation activation :
       {Activation::identity, Activation::gelu_tanh, Activation::gelu_erf, Activation::tanh}) {
    if (name == name_of(activation)) return activation;
  }
  return std::nullopt;
}

}  // namespace bertyard
