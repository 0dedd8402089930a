#include "daemon/api/handlers/handlers.h"

#include <cerrno>
#include <sys/socket.h>
#include <system_error>

#include "daemon/base/fd.h"
#include "daemon/base/process.h"
#include "daemon/instance/root_owners.h"
#include "schema/error.h"

namespace api {

http::Response instance_sftp_get(Context& context, const http::Request& request) {
    const auto& name = argument(request, "name");
    if (request.header("Upgrade") != "sftp") throw schema::bad_request("Missing or invalid upgrade header");
    const auto instance = context.instances.get(name);
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        throw std::system_error(errno, std::generic_category(), "socketpair");
    const auto ours = std::make_shared<base::Fd>(ends[0]);
    base::Fd theirs(ends[1]);
    const auto process = std::make_shared<base::Process>(
        context.runtime.spawn_sftp(name, instance::root_for_access(*instance, context.pools), std::move(theirs)));
    context.file_sessions.add(name, process);
    http::Response response;
    response.status = 101;
    response.body = http::Response::Tunnel{"sftp", ours, process};
    return response;
}

} // namespace api
