#include "services/coordinator/store/packing.h"

#include <bit>
#include <cstring>

namespace graphkiln::coordinator {
namespace {

static_assert(std::endian::native == std::endian::little,
              "values are stored as they lie in memory");

constexpr char kVersion = 1;

void PutVarint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

bool GetVarint(std::string_view& in, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (in.empty()) return false;
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return true;
  }
  return false;
}

uint64_t ZigZag(uint64_t value) {
  return value << 1 ^ (static_cast<int64_t>(value) < 0 ? ~uint64_t{0} : 0);
}
uint64_t UnZigZag(uint64_t value) { return value >> 1 ^ (~(value & 1) + 1); }

absl::Status Damaged(const char* what) {
  return absl::DataLossError(std::string("a stored ") + what + " is damaged");
}

EventTypeSet BitOf(const v1::Event& event) {
  return EventTypeSet{1} << static_cast<int>(event.payload_case());
}

}  // namespace

std::string PackPoints(const std::vector<int64_t>& steps, const std::vector<double>& values) {
  std::string out(1, kVersion);
  out.reserve(16 + steps.size() * 10);
  PutVarint(out, steps.size());
  uint64_t previous = 0;  // unsigned, so that differences may wrap
  for (const int64_t step : steps) {
    PutVarint(out, ZigZag(static_cast<uint64_t>(step) - previous));
    previous = static_cast<uint64_t>(step);
  }
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double));
  return out;
}

absl::Status UnpackPoints(std::string_view chunk, std::vector<int64_t>& steps,
                          std::vector<double>& values) {
  if (chunk.empty() || chunk.front() != kVersion) return Damaged("metric chunk");
  chunk.remove_prefix(1);
  uint64_t count = 0;
  if (!GetVarint(chunk, count) || count > chunk.size()) return Damaged("metric chunk");
  const size_t before = steps.size();
  uint64_t previous = 0;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t difference = 0;
    if (!GetVarint(chunk, difference)) return Damaged("metric chunk");
    previous += UnZigZag(difference);
    steps.push_back(static_cast<int64_t>(previous));
  }
  if (chunk.size() != count * sizeof(double)) {
    steps.resize(before);
    return Damaged("metric chunk");
  }
  const size_t at = values.size();
  values.resize(at + count);
  if (count > 0) std::memcpy(&values[at], chunk.data(), chunk.size());
  return absl::OkStatus();
}

std::string PackEvents(const std::vector<std::shared_ptr<const v1::Event>>& events) {
  std::string out(1, kVersion);
  for (const auto& event : events) {
    PutVarint(out, event->ByteSizeLong());
    event->AppendToString(&out);
  }
  return out;
}

absl::Status UnpackEvents(std::string_view batch, int64_t after_seq, EventTypeSet types,
                          std::vector<std::shared_ptr<const v1::Event>>& events) {
  if (batch.empty() || batch.front() != kVersion) return Damaged("event batch");
  batch.remove_prefix(1);
  while (!batch.empty()) {
    uint64_t size = 0;
    if (!GetVarint(batch, size) || size > batch.size()) return Damaged("event batch");
    auto event = std::make_shared<v1::Event>();
    if (!event->ParseFromArray(batch.data(), static_cast<int>(size))) return Damaged("event batch");
    batch.remove_prefix(size);
    if (event->seq() <= after_seq) continue;
    if (types != 0 && (types & BitOf(*event)) == 0) continue;
    events.push_back(std::move(event));
  }
  return absl::OkStatus();
}

EventTypeSet TypesOf(const std::vector<std::shared_ptr<const v1::Event>>& events) {
  EventTypeSet types = 0;
  for (const auto& event : events) types |= BitOf(*event);
  return types;
}

}  // namespace graphkiln::coordinator
