#pragma once
// What liblxc could not do. Thrown by every part of lxcwrap; the runtime and the runner turn it into their own errors.

#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace lxcwrap {

class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

template <class... Args> Error error(fmt::format_string<Args...> text, Args&&... args) {
    return Error(fmt::format(text, std::forward<Args>(args)...));
}

} // namespace lxcwrap
