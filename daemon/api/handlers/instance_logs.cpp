#include "daemon/api/handlers/handlers.h"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/api/file_body.h"
#include "daemon/api/respond.h"
#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "schema/error.h"
#include "schema/names.h"

namespace api {

using schema::Json;

namespace {

/// Which files of the log folder are served: LXD's list. Everything else there is the daemon's own.
bool is_log_name(std::string_view file) {
    if (file.empty() || file.find('/') != std::string_view::npos) return false;
    constexpr std::string_view exact[] = {"lxc.log", "lxc.conf"};
    constexpr std::string_view prefixes[] = {"exec_", "migration_", "snapshot_"};
    return std::find(std::begin(exact), std::end(exact), file) != std::end(exact) ||
           std::any_of(std::begin(prefixes), std::end(prefixes),
                       [&](std::string_view prefix) { return file.starts_with(prefix); });
}

/// Logs outlive their instance, so for a list the name is only checked for form.
const std::string& instance_name(const http::Request& request) {
    const auto& name = argument(request, "name");
    schema::check_instance_name(name);
    return name;
}

const std::string& log_name(const http::Request& request) {
    const auto& file = argument(request, "file");
    if (!is_log_name(file)) throw schema::bad_request("log file name {} not valid", file);
    return file;
}

const std::string& existing_instance(const Context& context, const http::Request& request) {
    const auto& name = instance_name(request);
    context.instances.get(name);
    return name;
}

/// A container that was never started has an empty log, as with LXD.
base::Fd open_log(const std::string& path, const std::string& file) {
    int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT && file == "lxc.log") fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    return base::checked(fd, "Log file " + file);
}

void report(Context& context, const http::Request& request, const char* action) {
    const auto source = fmt::format("/1.0/instances/{}/logs/{}", argument(request, "name"), argument(request, "file"));
    context.events.lifecycle(action, source, {}, requestor(request));
}

} // namespace

http::Response instance_logs_get(Context& context, const http::Request& request) {
    const auto& name = instance_name(request);
    std::vector<std::string> files;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(context.paths.logs(name).c_str()), ::closedir);
    if (!folder && !context.instances.find(name)) throw schema::not_found("Not Found");
    if (folder)
        while (const auto* entry = ::readdir(folder.get())) // NOLINT(concurrency-mt-unsafe): the stream is our own
            if (is_log_name(entry->d_name)) files.emplace_back(entry->d_name);
    std::sort(files.begin(), files.end());
    auto list = Json::empty_array();
    for (const auto& file : files) list.push_back(fmt::format("/1.0/instances/{}/logs/{}", name, file));
    return sync(list);
}

http::Response instance_log_get(Context& context, const http::Request& request) {
    const auto& name = existing_instance(context, request);
    const auto& file = log_name(request);
    auto fd = open_log(context.paths.logs(name) + "/" + file, file);
    report(context, request, "instance-log-retrieved");
    return file_response(std::move(fd), file);
}

http::Response instance_log_delete(Context& context, const http::Request& request) {
    const auto& name = existing_instance(context, request);
    const auto& file = log_name(request);
    if (file == "lxc.log" || file == "lxc.conf") throw schema::bad_request("lxc.log and lxc.conf may not be deleted");
    const auto path = context.paths.logs(name) + "/" + file;
    if (::unlink(path.c_str()) < 0) throw std::system_error(errno, std::generic_category(), "Log file " + file);
    report(context, request, "instance-log-deleted");
    return done();
}

http::Response instance_lxc_conf_get(Context& context, const http::Request& request) {
    return sync(Json(context.lifecycle.lxc_conf(instance_name(request))));
}

} // namespace api
