#include "common/nodes/ranks.h"

#include <algorithm>
#include <string>
#include <utility>

#include "fmt/format.h"

namespace graphkiln::nodes {

bool CheckRank(Body& b, std::string_view rule, std::initializer_list<int> ranks) {
  const ir::TensorType& type = b.TypeOf(b.In("input"));
  if (std::find(ranks.begin(), ranks.end(), type.rank()) != ranks.end()) return true;
  std::string legal;
  for (const int rank : ranks) legal += fmt::format("{}{}", legal.empty() ? "rank " : " or ", rank);
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
