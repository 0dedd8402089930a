#include "client/render/sort.h"

#include <algorithm>

namespace client {

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string_view digits_at(std::string_view text, size_t from) {
    size_t end = from;
    while (end < text.size() && is_digit(text[end])) ++end;
    return text.substr(from, end - from);
}

std::string_view without_zeros(std::string_view digits) {
    const auto first = digits.find_first_not_of('0');
    return first == std::string_view::npos ? std::string_view() : digits.substr(first);
}

bool row_less(const Row& a, const Row& b) {
    for (size_t column = 0; column < a.size() && column < b.size(); ++column) {
        if (a[column] == b[column]) continue;
        if (a[column].empty()) return false;
        if (b[column].empty()) return true;
        return natural_less(a[column], b[column]);
    }
    return false;
}

} // namespace

bool natural_less(std::string_view a, std::string_view b) {
    size_t i = 0;
    size_t k = 0;
    while (i < a.size() && k < b.size()) {
        if (!is_digit(a[i]) || !is_digit(b[k])) {
            if (a[i] != b[k]) return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[k]);
            ++i;
            ++k;
            continue;
        }
        const auto digits_a = digits_at(a, i);
        const auto digits_b = digits_at(b, k);
        const auto number_a = without_zeros(digits_a);
        const auto number_b = without_zeros(digits_b);
        if (number_a.size() != number_b.size()) return number_a.size() < number_b.size();
        if (number_a != number_b) return number_a < number_b;
        if (digits_a.size() != digits_b.size()) return digits_a.size() < digits_b.size();
        i += digits_a.size();
        k += digits_b.size();
    }
    return a.size() - i < b.size() - k;
}

void sort_rows(std::vector<Row>& rows) {
    std::stable_sort(rows.begin(), rows.end(), row_less);
}

} // namespace client
