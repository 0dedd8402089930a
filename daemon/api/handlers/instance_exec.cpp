#include "daemon/api/handlers/handlers.h"

#include <fcntl.h>

#include "daemon/api/respond.h"
#include "daemon/base/fd.h"
#include "daemon/instance/exec.h"
#include "schema/error.h"

namespace api {

using schema::Json;

namespace {

operations::Spec exec_spec(const std::string& name, const http::Request& request) {
    operations::Spec spec;
    spec.description = "Executing command";
    spec.resources["instances"] = {"/1.0/instances/" + name};
    spec.requestor = requestor(request);
    spec.may_cancel = true;
    spec.awaited = true;
    return spec;
}

/// The output files of a recorded command, in the instance's log folder.
struct Recording {
    base::Fd out;
    base::Fd err;
    Json urls;

    Recording(const state::Paths& paths, const std::string& name, const std::string& operation) {
        const auto open = [&](const char* stream, const char* number) {
            const auto file = fmt::format("exec_{}.{}", operation, stream);
            urls.set(number, fmt::format("/1.0/instances/{}/logs/{}", name, file));
            const auto path = paths.logs(name) + "/" + file;
            return base::checked(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600),
                                 "create " + path);
        };
        out = open("stdout", "1");
        err = open("stderr", "2");
    }
};

/// Records how a command ended. LXD lets the operation fail where a shell would say that there is no such command.
void finish(operations::Operation& operation, int code) {
    operation.set_metadata("return", code);
    if (code == 127) throw schema::failure("Command not found");
    if (code == 126) throw schema::failure("Command not executable");
}

http::Response exec_without_sockets(Context& context, const std::string& name, const schema::InstanceExecPost& post,
                                    operations::Spec spec) {
    spec.run = [&context, name, post](operations::Operation& operation) {
        std::optional<Recording> recording;
        if (post.record_output) {
            recording.emplace(context.paths, name, operation.id());
            operation.set_metadata("output", recording->urls);
        }
        const auto code = instance::run_detached(context.runtime, name, post, recording ? recording->out.get() : -1,
                                                 recording ? recording->err.get() : -1, operation.cancel_token());
        finish(operation, code);
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response exec_with_sockets(Context& context, const std::string& name, pid_t init_pid,
                                 schema::InstanceExecPost post, operations::Spec spec) {
    const auto exec =
        std::make_shared<instance::WebSocketExec>(context.runtime, context.workers, name, init_pid, std::move(post));
    spec.class_name = "websocket";
    spec.metadata = Json::empty_object();
    Json command;
    for (const auto& word : exec->command()) command.push_back(word);
    spec.metadata.set("command", std::move(command))
        .set("environment", exec->environment())
        .set("fds", exec->fds())
        .set("interactive", exec->interactive());
    spec.run = [exec](operations::Operation& operation) {
        int code = -1;
        try {
            code = exec->run(operation.cancel_token());
        } catch (...) {
            operation.set_metadata("return", code);
            throw;
        }
        finish(operation, code);
    };
    return async(*context.operations.start(std::move(spec), [exec](operations::Operation& operation) {
        operation.connect = [exec](const std::string& secret, std::shared_ptr<base::WebSocket> socket) {
            exec->connect(secret, std::move(socket));
        };
    }));
}

} // namespace

http::Response instance_exec_post(Context& context, const http::Request& request) {
    const auto& name = argument(request, "name");
    auto post = schema::instance_exec_post_from(json_body(request));
    const auto instance = context.instances.get(name);
    const auto live = instance->live();
    if (!live.running) throw schema::bad_request("Instance is not running");
    if (context.lifecycle.status(*instance) == schema::Status::frozen) throw schema::bad_request("Instance is frozen");
    if (post.command.empty()) throw schema::bad_request("No command was given");
    if (post.record_output && post.interactive)
        throw schema::bad_request("Can't record the output of an interactive command");

    const auto init_pid = live.running->init_pid;
    post.environment =
        instance::exec_environment(post, instance->record()->expanded_config, instance::extra_path(init_pid));
    Json details;
    details.set("command", post.command);
    context.events.lifecycle("instance-exec", "/1.0/instances/" + name, details, requestor(request));
    auto spec = exec_spec(name, request);
    return post.wait_for_websocket ? exec_with_sockets(context, name, init_pid, std::move(post), std::move(spec))
                                   : exec_without_sockets(context, name, post, std::move(spec));
}

} // namespace api
