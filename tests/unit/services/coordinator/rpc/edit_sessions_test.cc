#include "services/coordinator/rpc/edit_sessions.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/base/fake_clock.h"
#include "common/base/status_matchers.h"
#include "common/compiler/compile.h"
#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {
namespace {

v1::Graph Chain(int nodes) {
  v1::Graph graph;
  v1::GraphInput* input = graph.add_inputs();
  input->set_name("x");
  for (const int size : {2, 8}) input->mutable_spec()->add_shape()->set_size(size);
  for (int i = 0; i < nodes; ++i) {
    v1::Node* node = graph.add_nodes();
    node->set_id(fmt::format("n{}", i));
    node->set_type("Linear");
    (*node->mutable_params())["out_features"].set_int_value(8);
    node->add_inputs()->mutable_value()->mutable_reference()->set_node(
        i == 0 ? "x" : fmt::format("n{}", i - 1));
  }
  graph.add_outputs()->set_name("y");
  graph.mutable_outputs(0)->mutable_value()->mutable_reference()->set_node(
      fmt::format("n{}", nodes - 1));
  return graph;
}

class EditSessionsTest : public testing::Test {
 protected:
  explicit EditSessionsTest(EditSessions::Limits limits = {})
      : sessions_(&clock_, &SystemRandom(), limits) {}

  v1::EditGraphResponse Open(const v1::Graph& graph, std::string_view who = "ann") {
    v1::EditGraphRequest request;
    *request.mutable_graph() = graph;
    auto response = sessions_.Edit(who, request);
    EXPECT_OK(response.status());
    return response.ok() ? *response : v1::EditGraphResponse();
  }

  absl::StatusOr<v1::EditGraphResponse> Change(const std::string& session, int64_t revision,
                                               std::vector<v1::Node> nodes,
                                               std::string_view who = "ann") {
    v1::EditGraphRequest request;
    request.set_session(session);
    request.set_base_revision(revision);
    for (v1::Node& node : nodes) *request.add_nodes() = std::move(node);
    return sessions_.Edit(who, request);
  }

  v1::Node Node(int index, int out_features) {
    v1::Node node = Chain(index + 1).nodes(index);
    (*node.mutable_params())["out_features"].set_int_value(out_features);
    return node;
  }

  FakeClock clock_;
  EditSessions sessions_;
};

TEST_F(EditSessionsTest, AnswersWhatAChangeChanges) {
  v1::Graph graph = Chain(100);
  const v1::EditGraphResponse opened = Open(graph);
  EXPECT_TRUE(opened.valid());
  EXPECT_EQ(opened.revision(), 1);
  EXPECT_EQ(opened.nodes_size(), 100);
  EXPECT_EQ(opened.session().size(), 32u);

  const auto changed = Change(opened.session(), 1, {Node(50, 5)});
  ASSERT_OK(changed.status());
  EXPECT_EQ(changed->revision(), 2);
  ASSERT_EQ(changed->nodes_size(), 1);
  EXPECT_EQ(changed->nodes(0).id(), "n50");
  EXPECT_EQ(changed->nodes(0).outputs(0).shape(1).size(), 5);

  // Several at once, and more than are followed one by one.
  std::vector<v1::Node> many;
  for (int i = 0; i < 60; ++i) many.push_back(Node(i, 6));
  const auto all = Change(opened.session(), 2, many);
  ASSERT_OK(all.status());
  EXPECT_EQ(all->nodes_size(), 60);
  EXPECT_TRUE(all->valid());

  const auto broken = Change(opened.session(), 3, {Node(10, 0), Node(20, 0)});
  ASSERT_OK(broken.status());
  EXPECT_FALSE(broken->valid());
  ASSERT_EQ(broken->diagnostics_size(), 2);
  EXPECT_EQ(broken->diagnostics(1).node(), "n20");
}

TEST_F(EditSessionsTest, AnotherRevisionIsAborted) {
  const std::string session = Open(Chain(3)).session();
  ASSERT_OK(Change(session, 1, {Node(1, 4)}).status());
  const auto late = Change(session, 1, {Node(1, 5)});
  EXPECT_EQ(late.status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ReasonOf(late.status()), v1::ERROR_REASON_ETAG_MISMATCH);
  EXPECT_OK(Change(session, 2, {}).status());
}

TEST_F(EditSessionsTest, NothingChangesWithAnError) {
  const std::string session = Open(Chain(3)).session();
  const auto refused = Change(session, 1, {Node(1, 0), Node(7, 4)});
  EXPECT_EQ(ReasonOf(refused.status()), v1::ERROR_REASON_FIELD_INVALID);
  const auto same = Change(session, 1, {});
  ASSERT_OK(same.status());
  EXPECT_TRUE(same->valid());
  v1::EditGraphRequest neither;
  EXPECT_EQ(ReasonOf(sessions_.Edit("ann", neither).status()), v1::ERROR_REASON_FIELD_INVALID);
}

TEST_F(EditSessionsTest, BelongsToWhoOpenedIt) {
  const std::string session = Open(Chain(3)).session();
  EXPECT_EQ(Change(session, 1, {}, "bob").status().code(), absl::StatusCode::kNotFound);
  EXPECT_OK(Change(session, 1, {}).status());
  EXPECT_NE(Open(Chain(3)).session(), session);
}

TEST_F(EditSessionsTest, EndsWhenIdle) {
  const std::string session = Open(Chain(3)).session();
  clock_.Advance(absl::Minutes(14));
  ASSERT_OK(Change(session, 1, {}).status());
  clock_.Advance(absl::Minutes(14));
  ASSERT_OK(Change(session, 2, {}).status());
  clock_.Advance(absl::Minutes(16));
  EXPECT_EQ(Change(session, 3, {}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(sessions_.size(), 0u);
}

class FewSessionsTest : public EditSessionsTest {
 protected:
  FewSessionsTest() : EditSessionsTest({.most_sessions = 2, .most_bytes = 4 << 20}) {}
};

TEST_F(FewSessionsTest, TheLeastRecentlyUsedGoesFirst) {
  const std::string first = Open(Chain(3)).session();
  const std::string second = Open(Chain(3)).session();
  ASSERT_OK(Change(first, 1, {}).status());
  Open(Chain(3));
  EXPECT_OK(Change(first, 2, {}).status());
  EXPECT_EQ(Change(second, 1, {}).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(FewSessionsTest, AGraphThatIsTooLargeHasNoSession) {
  const v1::EditGraphResponse large = Open(Chain(1000));
  EXPECT_TRUE(large.valid());
  EXPECT_EQ(large.nodes_size(), 1000);
  EXPECT_EQ(large.session(), "");
  EXPECT_EQ(sessions_.size(), 0u);
}

}  // namespace
}  // namespace graphkiln::coordinator
