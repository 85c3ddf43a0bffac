#include "common/nodes/body.h"

#include <algorithm>

#include "common/base/status.h"
#include "fmt/format.h"

namespace graphkiln::nodes {

Body::Body(const NodeDef& def, const Params& params, absl::Span<const PortValue> inputs,
           ir::Module& module, WeightStore& weights, int32_t source)
    : def_(def),
      params_(params),
      inputs_(inputs),
      module_(module),
      weights_(weights),
      source_(source) {
  results_.resize(def.outputs.size());
  for (size_t port = 0; port < inputs.size(); ++port) {
    for (const ir::ValueId id : inputs[port].values)
      origins_.emplace_back(id, static_cast<int>(port));
  }
}

std::vector<int64_t> Body::Ints(std::string_view name) const {
  const ParamSpec* spec = def_.FindParam(name);
  return params_.Ints(name, spec != nullptr ? spec->count : 0);
}

bool Body::HasIn(std::string_view port) const {
  const int i = def_.InputIndex(port);
  return i >= 0 && inputs_[static_cast<size_t>(i)].connected;
}

ir::Argument Body::In(std::string_view port) const {
  const int i = def_.InputIndex(port);
  if (i < 0 || inputs_[static_cast<size_t>(i)].values.empty()) return {};
  return inputs_[static_cast<size_t>(i)].values[0];
}

std::vector<ir::Argument> Body::Ins(std::string_view port) const {
  const int i = def_.InputIndex(port);
  if (i < 0) return {};
  std::vector<ir::Argument> out;
  for (const ir::ValueId id : inputs_[static_cast<size_t>(i)].values)
    out.push_back(id.valid() ? ir::Argument(id) : ir::Argument());
  return out;
}

const ir::TensorType& Body::TypeOf(const ir::Argument& value) const {
  static const ir::TensorType* const kEmpty = new ir::TensorType();
  const ir::ValueId* id = value.As<ir::ValueId>();
  return id != nullptr && id->valid() ? module_.type(*id) : *kEmpty;
}

bool Body::AtLeast(const ir::Dim& size, int64_t least) {
  if (size.IsConst()) return size.value() >= least;
  const std::optional<int64_t> bound = size.LowerBound();
  if (!bound || *bound < least) {
    ir::Assumption assumption = ir::AtLeast(size, least);
    assumption.source = source_;
    module_.assumptions.Add(std::move(assumption));
  }
  return true;
}

ir::Argument Body::Declare(std::string_view name, std::vector<int64_t> shape,
                           const ir::Initializer& init, bool buffer, v1::DataType dtype) {
  if (!ok()) return {};
  ir::TensorType type{dtype, {}};
  type.shape.reserve(shape.size());
  int64_t numel = 1;
  for (const int64_t size : shape) {
    type.shape.emplace_back(size);
    if (size < 0 || (size > 0 && numel > (int64_t{1} << 40) / size)) {
      Failure failure;
      failure.code = "SIZE_OVERFLOW";
      failure.rule = "WEIGHT_C1";
      failure.message = fmt::format("weight {} would be larger than any machine's memory", name);
      failure.expected = "at most 2^40 elements";
      failure.found = ir::ShapeText(type.shape);
      Fail(std::move(failure));
      return {};
    }
    numel *= std::max<int64_t>(size, 1);
  }
  const auto id = weights_.Declare(name, std::move(type), init, buffer, true, &conflict_);
  if (!id) {
    Fail(std::move(conflict_));
    return {};
  }
  return *id;
}

ir::Argument Body::Weight(std::string_view name, std::vector<int64_t> shape,
                          const ir::Initializer& init) {
  return Declare(name, std::move(shape), init, false, v1::DATA_TYPE_FLOAT32);
}

ir::Argument Body::Buffer(std::string_view name, std::vector<int64_t> shape,
                          const ir::Initializer& init, v1::DataType dtype) {
  return Declare(name, std::move(shape), init, true, dtype);
}

ir::Argument Body::ListBuffer(std::string_view name) {
  if (IsNull(name)) return {};
  std::vector<double> values = params_.Floats(name);
  const auto size = static_cast<int64_t>(values.size());
  return Buffer(name, {size}, ir::Initializer::Values(std::move(values)));
}

ir::Argument Body::Call(std::string_view op, std::vector<ir::Argument> args) {
  const ir::ValueIds results = Append(op, std::move(args));
  return results.empty() ? ir::Argument() : results[0];
}

std::vector<ir::Argument> Body::CallMany(std::string_view op, std::vector<ir::Argument> args) {
  const ir::ValueIds results = Append(op, std::move(args));
  return std::vector<ir::Argument>(results.begin(), results.end());
}

ir::ValueIds Body::Append(std::string_view name, std::vector<ir::Argument> args) {
  if (!ok()) return {};
  const ir::OpDef* op = ir::FindOp(name);
  if (op == nullptr) {
    GRAPHKILN_BUG("body.unknown_op", std::string(name));
    Failure failure;
    failure.code = "INTERNAL";
    failure.message = fmt::format("operator {} is not in the table", name);
    Fail(std::move(failure));
    return {};
  }
  // The results stem from the port of the first argument that stems from one.
  int origin = -1;
  for (const ir::Argument& arg : args) {
    ir::VisitValues(arg, [&](const ir::ValueId& id) {
      if (origin < 0) origin = OriginOf(id);
    });
  }
  ir::OpError error;
  absl::StatusOr<ir::ValueIds> outputs =
      ir::AppendCall(module_, *op, std::move(args), source_, &error);
  if (!outputs.ok()) {
    Translate(*op, error, args);  // which a failure leaves as they are
    return {};
  }
  for (const ir::ValueId id : *outputs) {
    if (origin >= 0) origins_.emplace_back(id, origin);
  }
  return *std::move(outputs);
}

int Body::OriginOf(ir::ValueId id) {
  constexpr size_t kFew = 32;
  if (origins_.size() <= kFew) {
    for (const auto& [value, port] : origins_) {
      if (value == id) return port;
    }
    return -1;
  }
  // A port may take a hundred thousand values.
  for (; indexed_ < origins_.size(); ++indexed_)
    index_.emplace(origins_[indexed_].first.index, origins_[indexed_].second);
  const auto it = index_.find(id.index);
  return it == index_.end() ? -1 : it->second;
}

void Body::Return(std::string_view port, const ir::Argument& value) {
  if (!ok()) return;
  const int i = def_.OutputIndex(port);
  const ir::ValueId* id = value.As<ir::ValueId>();
  if (i < 0 || id == nullptr) {
    GRAPHKILN_BUG("body.return", std::string(def_.name));
    return;
  }
  results_[static_cast<size_t>(i)] = *id;
}

void Body::ReturnAll(const std::vector<ir::Argument>& values) {
  if (!ok()) return;
  results_.clear();
  for (const ir::Argument& value : values) results_.push_back(*value.As<ir::ValueId>());
}

void Body::Fail(Failure failure) {
  if (ok()) failure_ = std::move(failure);
}

void Body::Translate(const ir::OpDef& op, const ir::OpError& error,
                     const std::vector<ir::Argument>& args) {
  Failure failure;
  failure.code = error.code;
  failure.rule = error.rule;
  failure.message = error.message;
  failure.expected = error.expected;
  failure.found = error.found;
  failure.list_index = error.list_index;
  const int i = op.ArgIndex(error.arg);
  int port = -1;
  if (i >= 0 && static_cast<size_t>(i) < args.size()) {
    int at = 0;
    ir::VisitValues(args[static_cast<size_t>(i)], [&](const ir::ValueId& id) {
      const bool meant = error.list_index < 0 || error.list_index == at;
      ++at;
      if (meant && port < 0) port = OriginOf(id);
    });
  }
  if (port >= 0) {
    failure.port = def_.inputs[static_cast<size_t>(port)].name;
    // The operator speaks of its argument (`self must have rank 3`), users know the port.
    if (failure.message.rfind(error.arg + " ", 0) == 0)
      failure.message.replace(0, error.arg.size(), failure.port);
  } else if (def_.FindParam(error.arg) != nullptr) {
    failure.param = error.arg;
  } else if (!def_.inputs.empty()) {
    failure.port = def_.inputs[0].name;
  }
  Fail(std::move(failure));
}

bool InferParams(const NodeDef& def, absl::Span<const PortValue> inputs, const ir::Module& module,
                 Params* params, Failure* failure) {
  for (const ParamSpec& spec : def.params) {
    if (!spec.inferred) continue;
    const int port = def.InputIndex(spec.inferred_port);
    if (port < 0 || inputs[static_cast<size_t>(port)].values.empty()) continue;
    const ir::TensorType& type = module.type(inputs[static_cast<size_t>(port)].values[0]);
    const int d = spec.inferred_dim;
    if (d >= type.rank() || -d > type.rank()) {
      failure->port = spec.inferred_port;
      failure->code = "RANK_MISMATCH";
      failure->message = fmt::format("{} follows from dimension {} of {}, which does not exist",
                                     spec.name, d, spec.inferred_port);
      failure->expected = fmt::format("rank {} or more", d < 0 ? -d : d + 1);
      failure->found = ir::TypeText(type);
      return false;
    }
    const ir::Dim& dim = type.dim(d);
    if (!dim.IsConst()) {
      failure->port = spec.inferred_port;
      failure->code = "SYMBOLIC_WEIGHT";
      failure->param = spec.name;
      failure->message =
          fmt::format("weights need fixed sizes, but {} follows from the open size {}", spec.name,
                      dim.ToString());
      failure->expected = fmt::format("a fixed size in dimension {} of {}", d, spec.inferred_port);
      failure->found = ir::TypeText(type);
      return false;
    }
    const int64_t size = dim.value();
    if (params->Has(spec.name)) {
      // Lists (LayerNorm's normalized_shape) are checked by the operator.
      const ParamValue& given = *params->Find(spec.name);
      const int64_t* number = std::get_if<int64_t>(&given);
      if (number == nullptr || *number == size) continue;
      failure->port = spec.inferred_port;
      failure->code = "SHAPE_MISMATCH";
      failure->param = spec.name;
      failure->message = fmt::format("{} is {}, but dimension {} of {} is {}", spec.name, *number,
                                     d, spec.inferred_port, size);
      failure->expected = ir::TypeText(type.WithDim(d, ir::Dim(*number)));
      failure->found = ir::TypeText(type);
      failure->suggested.emplace().set_int_value(size);
      return false;
    }
    if (size < 1) {
      failure->port = spec.inferred_port;
      failure->code = "SHAPE_MISMATCH";
      failure->param = spec.name;
      failure->message = fmt::format("{} would be 0", spec.name);
      failure->expected = fmt::format("a size of 1 or more in dimension {}", d);
      failure->found = ir::TypeText(type);
      return false;
    }
    params->Set(spec.name, size, false);
  }
  return true;
}

}  // namespace graphkiln::nodes
