#include "services/worker/trainer/normalizer.h"

#include <ATen/ATen.h>

#include <utility>

#include "services/worker/trainer/failure.h"

namespace graphkiln::trainer {
namespace {

constexpr double kLeastScale = 1e-6;

std::vector<double> ToVector(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.to(at::kCPU, at::kDouble).contiguous();
  const auto* data = flat.const_data_ptr<double>();
  return {data, data + flat.numel()};
}

ColumnScaling FitColumns(api::Normalization kind, const at::Tensor& rows) {
  const at::Tensor table = rows.reshape({rows.size(0), -1}).to(at::kDouble);
  at::Tensor offset;
  at::Tensor scale;
  if (kind == api::NORMALIZATION_MINMAX) {
    offset = std::get<0>(table.min(0));
    scale = std::get<0>(table.max(0)) - offset;
  } else {
    offset = table.mean(0);
    scale = (table - offset).square().mean(0).sqrt();
  }
  scale.masked_fill_(scale < kLeastScale, 1.0);
  return {"", ToVector(offset), ToVector(scale)};
}

at::Tensor RowOf(const std::vector<double>& numbers, const at::Tensor& like) {
  std::vector<int64_t> shape = like.sizes().vec();
  shape[0] = 1;
  return at::tensor(numbers, at::kDouble).reshape(shape).to(like.options());
}

}  // namespace

Normalizer Normalizer::Fit(api::Normalization kind, const std::vector<std::string>& names,
                           const std::vector<at::Tensor>& inputs) {
  Normalizer result;
  if (kind != api::NORMALIZATION_STANDARD && kind != api::NORMALIZATION_MINMAX) return result;
  result.kind_ = kind == api::NORMALIZATION_MINMAX ? "minmax" : "standard";
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].is_floating_point() || inputs[i].dim() < 1 || inputs[i].numel() == 0) continue;
    ColumnScaling scaling = FitColumns(kind, inputs[i]);
    scaling.input = names[i];
    result.columns_.push_back(std::move(scaling));
  }
  return result;
}

void Normalizer::Apply(const std::vector<std::string>& names,
                       std::vector<at::Tensor>& inputs) const {
  for (const ColumnScaling& scaling : columns_) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (names[i] != scaling.input) continue;
      inputs[i].sub_(RowOf(scaling.offset, inputs[i])).div_(RowOf(scaling.scale, inputs[i]));
    }
  }
}

nlohmann::ordered_json Normalizer::ToJson() const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const ColumnScaling& scaling : columns_) {
    list.push_back({{"input", scaling.input},
                    {"kind", kind_},
                    {"offset", scaling.offset},
                    {"scale", scaling.scale}});
  }
  return list;
}

absl::StatusOr<Normalizer> Normalizer::FromJson(const nlohmann::ordered_json& json) {
  const absl::Status invalid =
      MachineFault(reason::kCheckpointInvalid, "the normalization in the checkpoint is malformed");
  if (!json.is_array()) return invalid;
  Normalizer result;
  for (const auto& item : json) {
    ColumnScaling scaling;
    if (!item.is_object() || !item.contains("input") || !item["input"].is_string() ||
        !item.contains("kind") || !item["kind"].is_string()) {
      return invalid;
    }
    scaling.input = item["input"].get<std::string>();
    result.kind_ = item["kind"].get<std::string>();
    for (const auto& [key, numbers] :
         {std::pair{"offset", &scaling.offset}, std::pair{"scale", &scaling.scale}}) {
      if (!item.contains(key) || !item[key].is_array()) return invalid;
      for (const auto& number : item[key]) {
        if (!number.is_number()) return invalid;
        numbers->push_back(number.get<double>());
      }
    }
    if (scaling.offset.size() != scaling.scale.size()) return invalid;
    result.columns_.push_back(std::move(scaling));
  }
  return result;
}

}  // namespace graphkiln::trainer
