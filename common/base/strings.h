// Strings: hash containers with std::string_view lookup, and helpers for messages to people.
//
// Debian's absl::string_view is a class of its own, so a plain flat_hash_map<std::string, V> cannot
// be asked for a std::string_view. StringMap and StringSet can. All functions are pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace graphkiln {

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const {
    return absl::Hash<absl::string_view>{}(absl::string_view(text.data(), text.size()));
  }
};

struct StringEq {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};

template <class V>
using StringMap = absl::flat_hash_map<std::string, V, StringHash, StringEq>;
using StringSet = absl::flat_hash_set<std::string, StringHash, StringEq>;

/// The candidate that `name` was most likely meant to be, for "did you mean": smallest edit
/// distance (case-insensitive, a swap of neighbours counts once), at most a third of the longer
/// name; ties go to the alphabetically first candidate. A name that differs only in case, `_` or
/// `-` always wins.
std::optional<std::string> NearestName(std::string_view name,
                                       absl::Span<const std::string> candidates);

/// Damerau-Levenshtein (optimal string alignment) distance; stops early and returns `limit + 1`
/// when it exceeds `limit`.
size_t EditDistance(std::string_view a, std::string_view b, size_t limit);

/// `untrusted` made safe for a message or a log line: in double quotes, control characters and
/// invalid UTF-8 escaped, shortened to `max` bytes with "..." (never inside a UTF-8 sequence).
std::string QuoteForMessage(std::string_view untrusted, size_t max = 80);

/// True when the bytes are well-formed UTF-8 (no overlong forms, no surrogates); `bad_offset`, when
/// given, receives the offset of the first offending byte.
bool IsValidUtf8(std::string_view bytes, size_t* bad_offset = nullptr);

/// Shell-like match of the whole of `text`: `*` any run, `?` one character. Linear space and
/// O(text * pattern) time, no recursion.
bool GlobMatch(std::string_view pattern, std::string_view text);

/// Splits at every `separator`; "" gives one empty piece. The pieces point into `text`.
std::vector<std::string_view> SplitView(std::string_view text, char separator);

/// Without ASCII blanks at both ends.
std::string_view TrimView(std::string_view text);

/// ASCII lower case.
std::string ToLowerAscii(std::string_view text);

/// Bytes for people: "512 B", "1.5 KiB", "64 MiB".
std::string HumanBytes(uint64_t bytes);

}  // namespace graphkiln
