#include "daemon/api/handlers/handlers.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "daemon/api/file_body.h"
#include "daemon/api/respond.h"
#include "daemon/base/fd.h"
#include "daemon/instance/console.h"
#include "schema/error.h"

namespace api {

using schema::Json;

namespace {

void report(Context& context, const http::Request& request, const char* action, Json details = {}) {
    context.events.lifecycle(action, "/1.0/instances/" + argument(request, "name"), std::move(details),
                             requestor(request));
}

schema::InstanceConsolePost checked_post(const http::Request& request) {
    auto post = schema::instance_console_post_from(json_body(request));
    if (post.type == "vga") throw schema::bad_request("VGA console is only supported by virtual machines");
    if (post.type != "console") throw schema::bad_request("Unknown console type {:?}", post.type);
    return post;
}

pid_t init_of(Context& context, const instance::Instance& instance) {
    const auto live = instance.live();
    if (!live.running) throw schema::bad_request("Instance is not running");
    if (context.lifecycle.status(instance) == schema::Status::frozen) throw schema::bad_request("Instance is frozen");
    return live.running->init_pid;
}

/// What the monitor left of the console of a container that has stopped.
base::Fd open_log(const Context& context, const std::string& name, int flags) {
    const auto path = context.paths.logs(name) + "/console.log";
    auto fd = base::checked(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), path);
    struct stat status{};
    if (::fstat(fd.get(), &status) < 0 || !S_ISREG(status.st_mode))
        throw schema::failure("The console log is not a regular file");
    return fd;
}

http::Response log_response(std::string text) {
    http::Response response;
    response.headers["Content-Type"] = "application/octet-stream";
    response.headers["Content-Disposition"] = "inline;filename=";
    response.body = std::move(text);
    return response;
}

} // namespace

http::Response instance_console_post(Context& context, const http::Request& request) {
    const auto& name = argument(request, "name");
    auto post = checked_post(request);
    const auto init_pid = init_of(context, *context.instances.get(name));
    const auto console =
        std::make_shared<instance::WebSocketConsole>(context.runtime, context.workers, name, init_pid, std::move(post));
    operations::Spec spec;
    spec.class_name = "websocket";
    spec.description = "Showing console";
    spec.resources["instances"] = {"/1.0/instances/" + name};
    spec.requestor = requestor(request);
    spec.metadata = Json::empty_object().set("fds", console->fds());
    spec.run = [&context, console, name](operations::Operation& operation) {
        console->run(operation.cancel_token(), [&] {
            context.events.lifecycle("instance-console", "/1.0/instances/" + name,
                                     Json::empty_object().set("type", "console"), operation.requestor());
        });
    };
    return async(*context.operations.start(std::move(spec), [console](operations::Operation& operation) {
        operation.connect = [console](const std::string& secret, std::shared_ptr<base::WebSocket> socket) {
            console->connect(secret, std::move(socket));
        };
    }));
}

http::Response instance_console_get(Context& context, const http::Request& request) {
    const auto& name = argument(request, "name");
    if (!context.instances.get(name)->live().running) {
        auto log = open_log(context, name, O_RDONLY);
        return file_response(std::move(log), "console.log");
    }
    auto text = context.runtime.console_log(name);
    if (!text.empty()) report(context, request, "instance-console-retrieved");
    return log_response(std::move(text));
}

http::Response instance_console_delete(Context& context, const http::Request& request) {
    const auto& name = argument(request, "name");
    if (context.instances.get(name)->live().running) {
        context.runtime.clear_console_log(name);
        report(context, request, "instance-console-reset");
        return done();
    }
    const auto log = open_log(context, name, O_WRONLY);
    if (::ftruncate(log.get(), 0) < 0) throw std::system_error(errno, std::generic_category(), "empty console.log");
    return done();
}

} // namespace api
