// Parameters as data: one description per parameter, from which checking, defaults, `kiln explain`,
// forms and builders derive. Used by the node registry and by the job registries (optimizers,
// schedulers).
//
//   Int("out_features").Required().Min(1).Doc("size of each output sample")
//   IntN("kernel_size", 2).Required().Min(1)          an int, or one int per spatial dimension
//   Float("p").Default(0.5).Range(0, 1)
//   Text("padding_mode").Default("zeros").Choices({"zeros", "reflect"})
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/strings.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/node_registry_service.pb.h"
#include "graphkiln/v1/value.pb.h"

namespace graphkiln::nodes {

// Stands for null among the numbers of a list (AdaptiveAvgPool2d's `[null, 7]`).
constexpr int64_t kNullItem = std::numeric_limits<int64_t>::min();

// A checked parameter value.
using ParamValue = std::variant<std::monostate, bool, int64_t, double, std::string,
                                std::vector<int64_t>, std::vector<double>, v1::DataType>;

// kNumber keeps what was written apart: 2, 2.0 and true promote element types differently.
enum class ParamType { kInt, kFloat, kNumber, kBool, kText, kInts, kFloats, kDType };

class ParamSpec {
 public:
  ParamSpec(std::string_view name, ParamType type) : name(name), type(type) {}

  ParamSpec& Required() {
    required = true;
    return *this;
  }
  ParamSpec& Default(ParamValue value) {
    default_value = std::move(value);
    return *this;
  }
  ParamSpec& Default(const char* value) { return Default(ParamValue(std::string(value))); }
  ParamSpec& Default(int value);  // an int, or a float for Float("...")
  ParamSpec& Default(double value) { return Default(ParamValue(value)); }
  ParamSpec& Default(bool value) { return Default(ParamValue(value)); }
  // Python's None is legal; it is the default where no other is given.
  ParamSpec& Nullable() {
    nullable = true;
    return *this;
  }
  // For lists: null is legal among the numbers.
  ParamSpec& NullItems() {
    null_items = true;
    return *this;
  }
  ParamSpec& Min(double value) {
    minimum = value;
    return *this;
  }
  ParamSpec& Max(double value) {
    maximum = value;
    return *this;
  }
  ParamSpec& Range(double low, double high) { return Min(low).Max(high); }
  // The minimum itself is not legal.
  ParamSpec& Above(double value) {
    minimum = value;
    open_minimum = true;
    return *this;
  }
  // For Text: the legal strings. For other types: strings that are legal besides.
  ParamSpec& Choices(std::vector<std::string> values) {
    choices = std::move(values);
    return *this;
  }
  // How Python spells each of the choices, where it is no text there.
  ParamSpec& Spelled(std::vector<std::string> values) {
    spelled = std::move(values);
    return *this;
  }
  // Taken from dimension `dim` of input port `port` where absent; checked against it where given.
  ParamSpec& InferredFrom(std::string_view port, int dim) {
    inferred_port = port;
    inferred_dim = dim;
    inferred = true;
    return *this;
  }
  // PyTorch takes a tensor here; Python gets `torch.tensor([...])`.
  ParamSpec& Tensor() {
    tensor = true;
    return *this;
  }
  // Python's forward takes it, not the constructor.
  ParamSpec& AtCall() {
    at_call = true;
    return *this;
  }
  // Counts while training; Python's function gets 0 otherwise.
  ParamSpec& TrainingOnly() {
    training_only = true;
    return *this;
  }
  ParamSpec& Doc(std::string_view text) {
    doc = text;
    return *this;
  }

  std::string name;
  ParamType type;
  bool required = false;
  bool nullable = false;
  bool inferred = false;
  bool open_minimum = false;
  bool tensor = false;
  bool null_items = false;
  bool at_call = false;
  bool training_only = false;
  std::string inferred_port;
  int inferred_dim = 0;
  int count = 0;  // for lists: fixed length (0: any); a single number stands for `count` equal ones
  bool single_ok = false;  // a plain number is legal where a list is expected
  std::optional<ParamValue> default_value;
  std::optional<double> minimum, maximum;
  std::vector<std::string> choices, spelled;
  std::string doc;
};

ParamSpec Int(std::string_view name);
ParamSpec Float(std::string_view name);
ParamSpec Number(std::string_view name);
ParamSpec Bool(std::string_view name);
ParamSpec Text(std::string_view name);
ParamSpec DType(std::string_view name);
ParamSpec Ints(std::string_view name);               // a list of ints
ParamSpec IntsOrInt(std::string_view name);          // a list of ints of any length, or one int
ParamSpec IntN(std::string_view name, int count);    // `count` ints, or one int for all
ParamSpec FloatN(std::string_view name, int count);  // exactly `count` numbers
ParamSpec Floats(std::string_view name);             // a list of numbers
// `count` numbers (0: any), or one number for all.
ParamSpec FloatsOrFloat(std::string_view name, int count);

// Checked parameters of one instance, in the order of the specs.
//
// Copies share their entries until one of them is changed.
class Params {
 public:
  void Reserve(size_t count);
  void Set(std::string_view name, ParamValue value, bool given);
  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  const ParamValue* Find(std::string_view name) const;

  bool IsNull(std::string_view name) const;
  bool IsText(std::string_view name) const;
  int64_t Int(std::string_view name) const;
  double Float(std::string_view name) const;
  bool Flag(std::string_view name) const;
  const std::string& Text(std::string_view name) const;
  // Lists; a single number is repeated to `count`.
  std::vector<int64_t> Ints(std::string_view name, int count = 0) const;
  std::vector<double> Floats(std::string_view name, int count = 0) const;
  v1::DataType DType(std::string_view name) const;

  struct Entry {
    std::string name;
    ParamValue value;
    bool given;  // the user wrote it
  };
  const std::vector<Entry>& entries() const;
  friend bool operator==(const Params& a, const Params& b);

 private:
  std::vector<Entry>& Own();

  std::shared_ptr<std::vector<Entry>> entries_;  // null where there are none
};

// A fault in given parameters. The caller adds the place.
struct ParamIssue {
  std::string code;  // UNKNOWN_PARAM, MISSING_PARAM, PARAM_TYPE or PARAM_RANGE
  std::string param;
  std::string message;
  std::string expected;
  std::string found;
  std::optional<std::string> rename_to;  // for UNKNOWN_PARAM: the nearest legal name
  std::optional<v1::Value> suggested;    // a legal value near the given one
};

// `int`, `int[2]`, `int | int[2] | "same"`, ...
std::string TypeText(const ParamSpec& spec);
v1::Value ToValue(const ParamValue& value);
// As Python would write it: 3, (1, 2), 'same', None.
std::string ToPython(const ParamValue& value);
v1::ParamInfo Describe(const ParamSpec& spec);
// Short text of a value for messages.
std::string ValueText(const v1::Value& value);

}  // namespace graphkiln::nodes
