#include "common/nodes/ranks.h"

#include <string>
#include <utility>

#include "fmt/format.h"

namespace graphkiln::nodes {

bool CheckRank(Body& b, std::string_view rule, std::initializer_list<int> ranks) {
  const ir::TensorType& type = b.TypeOf(b.In("input"));
  std::string legal;
  for (const int rank : ranks) {
    if (type.rank() == rank) return true;
    legal += fmt::format("{}{}", legal.empty() ? "rank " : " or ", rank);
  }
  Failure failure;
  failure.code = "RANK_MISMATCH";
  failure.rule = rule;
  failure.port = "input";
  failure.message = fmt::format("input must have {}", legal);
  failure.expected = legal;
  failure.found = ir::TypeText(type);
  b.Fail(std::move(failure));
  return false;
}

}  // namespace graphkiln::nodes
