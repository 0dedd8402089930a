#include "client/local_files.h"

#include <cctype>
#include <cerrno>
#include <system_error>

#include "schema/error.h"

namespace client {

void fail(std::string_view action, const std::string& path) {
    auto cause = std::generic_category().message(errno);
    if (!cause.empty()) cause[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(cause[0])));
    throw schema::failure("{} {}: {}", action, path, cause);
}

} // namespace client
