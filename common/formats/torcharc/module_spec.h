// One entry of a TorchArc file's `modules`: a layer, a Sequential of layers or a compact table of
// them -> a node without inputs. Used by reader and writer. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/formats/torcharc/types.h"
#include "common/graph/reader.h"

namespace graphkiln::formats::torcharc {

/// Where a part of a module stands in the file.
struct Spot {
  std::string part;  // behind `nodes.ID`: `.type`, `.params.p`, `/Sequential.1.params.p`
  TextPos pos;
  std::string path;
};

struct ModuleSpec {
  bool ok = true;
  v1::Node node;  // type, parameters, children
  std::vector<Spot> spots;
  std::vector<std::string> ports;  // of the inputs; empty where not known
  bool one_list = false;           // its only input is a list of tensors
};

class SpecReader {
 public:
  explicit SpecReader(graph::Reader& report) : report_(report) {}

  /// `used`: the compiler checks the arguments of a module that is no container, too.
  ModuleSpec Read(std::string_view name, const TextNode& value, bool used);

 private:
  bool Layer(const TextNode& value, const std::string& path, std::string_view where,
             const std::string& part, ModuleSpec* spec, v1::Node* out);
  bool Build(std::string_view type, const TextPos& pos, const std::string& path,
             const std::string& part, ModuleSpec* spec, v1::Node* out);
  void Argument(const ModuleType& type, std::string_view name, const TextNode& value,
                const TextPos& pos, const std::string& path, const std::string& part,
                ModuleSpec* spec, v1::Node* out);
  void Check(const ModuleType& type, const TextPos& pos, const std::string& path,
             const std::string& part, ModuleSpec* spec, v1::Node* out);
  bool Layers(const TextNode& list, const std::string& path, std::string_view where,
              ModuleSpec* spec);
  void Compact(const TextNode& value, const TextPos& pos, const std::string& path,
               ModuleSpec* spec);
  bool Room(const TextPos& pos, const std::string& path, ModuleSpec* spec);
  v1::Node* Child(ModuleSpec* spec, std::string* part);
  v1::Diagnostic& Error(std::string_view code, const TextPos& pos, const std::string& path,
                        std::string message, ModuleSpec* spec);
  void KeysOtherThan(std::initializer_list<std::string_view> known, const TextNode& map,
                     const std::string& path);

  graph::Reader& report_;
  std::string name_;
  bool compiled_ = false;  // the compiler checks what is read now
  int layers_ = 0;         // of the whole file
  int suggestions_ = 0;
};

}  // namespace graphkiln::formats::torcharc
