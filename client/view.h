#pragma once
// A constant array that is laid out at compile time: the tables of commands and flags are made of these, so that
// starting the program constructs nothing.

#include <cstddef>

namespace client {

template <class T> class View {
public:
    constexpr View() = default;
    template <size_t N> constexpr View(const T (&items)[N]) : first_(items), count_(N) {}

    constexpr View without_first(size_t count = 1) const { return View(first_ + count, count_ - count); }

    constexpr const T* begin() const { return first_; }
    constexpr const T* end() const { return first_ + count_; }
    constexpr bool empty() const { return count_ == 0; }
    constexpr size_t size() const { return count_; }

private:
    constexpr View(const T* first, size_t count) : first_(first), count_(count) {}

    const T* first_ = nullptr;
    size_t count_ = 0;
};

} // namespace client
