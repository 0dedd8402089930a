#include "client/instances.h"

#include <cerrno>
#include <system_error>

#include <unistd.h>

#include "client/shapes.h"
#include "client/target.h"
#include "daemon/base/fd.h"

namespace client {

std::string instance_url(std::string_view name) {
    return "/1.0/instances/" + path_escape(name);
}

schema::Json writable_instance(const schema::Json& instance) {
    return shaped(instance, shapes::instance_put);
}

void update_instance(Server& server, const std::string& name, const schema::Json& instance, const std::string& etag) {
    server.wait(server.put(instance_url(name), writable_instance(instance), etag));
}

std::string read_standard_input() {
    constexpr size_t limit = 64U << 20U;
    try {
        return base::read_to_end(STDIN_FILENO, limit);
    } catch (const std::system_error& error) {
        if (error.code().value() == EBADF) return {};
        throw;
    }
}

} // namespace client
