#include "daemon/http/message.h"

#include <algorithm>

namespace http {

namespace {

const std::string missing;

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

} // namespace

bool CaseInsensitive::operator()(std::string_view left, std::string_view right) const noexcept {
    return std::ranges::lexicographical_compare(left, right, {}, lower, lower);
}

const std::string& Request::parameter(const std::string& name) const {
    const auto found = query.find(name);
    return found == query.end() ? missing : found->second;
}

const std::string& Request::header(std::string_view name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? missing : found->second;
}

} // namespace http
