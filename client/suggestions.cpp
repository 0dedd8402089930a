#include "client/suggestions.h"

#include <algorithm>

namespace client {

namespace {

constexpr size_t letters_for_an_edit = 3; // One edit is allowed in that many letters.

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

} // namespace

size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    for (size_t k = 0; k <= b.size(); ++k) row[k] = k;
    for (size_t i = 1; i <= a.size(); ++i) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= b.size(); ++k) {
            const auto above = row[k];
            const size_t change = lower(a[i - 1]) == lower(b[k - 1]) ? 0 : 1;
            row[k] = std::min({row[k] + 1, row[k - 1] + 1, diagonal + change});
            diagonal = above;
        }
    }
    return row[b.size()];
}

bool begins_with(std::string_view word, std::string_view typed) {
    return word.size() >= typed.size() &&
           std::equal(typed.begin(), typed.end(), word.begin(), [](char a, char b) { return lower(a) == lower(b); });
}

std::string_view nearest(const std::vector<std::string_view>& words, std::string_view typed) {
    std::string_view best;
    size_t least = std::max<size_t>(2, typed.size() / letters_for_an_edit) + 1;
    for (const auto word : words) {
        const auto edits = edit_distance(word, typed);
        if (edits >= least) continue;
        least = edits;
        best = word;
    }
    return best;
}

} // namespace client
