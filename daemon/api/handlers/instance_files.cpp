#include "daemon/api/handlers/handlers.h"

#include <charconv>

#include "daemon/api/file_body.h"
#include "daemon/api/respond.h"
#include "daemon/instance/files.h"
#include "daemon/instance/root_owners.h"
#include "schema/error.h"
#include "schema/values.h"

namespace api {

using schema::Json;

namespace {

const std::string& path_of(const http::Request& request) {
    const auto& path = request.parameter("path");
    if (path.empty()) throw schema::bad_request("Missing path argument");
    return path;
}

instance::Files files_of(Context& context, const http::Request& request) {
    const auto instance = context.instances.get(argument(request, "name"));
    return {context.runtime, instance->record()->row.name, instance::root_for_access(*instance, context.pools)};
}

/// A decimal number from a header; -1 ("leave it") where it is missing or none.
int64_t number(const std::string& text, int base = 10) {
    int64_t value = 0;
    const auto* end = text.data() + text.size();
    const auto got = std::from_chars(text.data(), end, value, base);
    return got.ec == std::errc{} && got.ptr == end && !text.empty() ? value : -1;
}

/// Permission bits. A leading 0 means octal, as LXD's clients send them; without it the number is decimal: LXD's trap.
int64_t mode_of(const std::string& text) {
    const auto mode = number(text, text.size() > 1 && text[0] == '0' ? 8 : 10);
    return mode < 0 ? mode : mode & 0777;
}

/// Which of a file's attributes are set though it exists: "uid,gid,mode".
std::vector<std::string> modified_by(const std::string& header) {
    if (header.empty()) return {};
    const auto names = schema::split(header, ',');
    for (const auto name : names)
        if (name != "uid" && name != "gid" && name != "mode")
            throw schema::bad_request("Invalid modify-perm field: {:?}", name);
    return {names.begin(), names.end()};
}

std::string base_name(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

constexpr const char* go_time = "%Y-%m-%d %H:%M:%S +0000 UTC"; // as Go prints one

http::Headers headers_of(const instance::FileInfo& info) {
    http::Headers headers;
    headers["X-Lxd-Uid"] = std::to_string(info.uid); // in Go's spelling, like all that LXD sends
    headers["X-Lxd-Gid"] = std::to_string(info.gid);
    headers["X-Lxd-Mode"] = fmt::format("{:04o}", info.mode);
    headers["X-Lxd-Modified"] = time_text(info.modified, go_time);
    headers["X-Lxd-Type"] = info.type;
    return headers;
}

class FileBody : public http::BodyProducer {
public:
    explicit FileBody(instance::FileContent content) : content_(std::move(content)) {}
    size_t read(char* buffer, size_t size) override { return content_.read(buffer, size); }
    std::optional<uint64_t> length() const override { return content_.info.size; }

private:
    instance::FileContent content_;
};

/// Told as seen from the instance's root.
void report(Context& context, const http::Request& request, const char* action) {
    const auto& path = path_of(request);
    Json details;
    details.set("path", path.starts_with('/') ? path : "/" + path);
    context.events.lifecycle(action, "/1.0/instances/" + argument(request, "name"), details, requestor(request));
}

/// Moves the body into the file, whether it was buffered or is still on its way.
void transfer(const http::Request& request, instance::FileUpload& upload) {
    if (!request.stream) return upload.write(request.body);
    std::string buffer(256U << 10U, '\0');
    while (const auto count = request.stream->read(buffer.data(), buffer.size())) upload.write({buffer.data(), count});
}

} // namespace

http::Response instance_files_get(Context& context, const http::Request& request) {
    const auto& path = path_of(request);
    auto content = files_of(context, request).get(path);
    auto headers = headers_of(content.info);
    report(context, request, "instance-file-retrieved");
    http::Response response;
    if (content.info.type == "directory") {
        response = sync(Json(content.names));
        response.headers.merge(headers);
        return response;
    }
    response.headers = std::move(headers);
    response.headers["Accept-Ranges"] = "bytes";
    response.headers["Content-Type"] = "application/octet-stream";
    response.headers["Last-Modified"] = time_text(content.info.modified, http_time);
    response.headers["Content-Disposition"] = fmt::format("inline;filename={}", base_name(path));
    if (content.info.type == "symlink")
        response.body = content.target;
    else
        response.body = std::make_shared<FileBody>(std::move(content));
    return response;
}

http::Response instance_files_head(Context& context, const http::Request& request) {
    const auto info = files_of(context, request).stat(path_of(request));
    http::Response response;
    response.headers = headers_of(info);
    response.headers["Content-Type"] = "application/json"; // LXD's, whatever it is
    response.body = descriptor_body({}, info.type == "file" ? info.size : std::nullopt);
    return response;
}

http::Response instance_files_post(Context& context, const http::Request& request) {
    instance::FilePut put;
    put.path = path_of(request);
    put.uid = number(request.header("X-LXD-uid"));
    put.gid = number(request.header("X-LXD-gid"));
    put.mode = mode_of(request.header("X-LXD-mode"));
    if (const auto& type = request.header("X-LXD-type"); !type.empty()) put.type = type;
    const auto& write = request.header("X-LXD-write");
    if (!write.empty() && write != "overwrite" && write != "append")
        throw schema::bad_request("Bad file write mode: {}", write);
    if (put.type != "file" && put.type != "directory" && put.type != "symlink")
        throw schema::bad_request("Bad file type: {}", put.type);
    put.append = write == "append";
    put.modify = modified_by(request.header("X-LXD-modify-perm"));

    auto upload = files_of(context, request).put(put);
    if (put.type != "directory") transfer(request, upload);
    upload.finish();
    report(context, request, "instance-file-pushed");
    return done();
}

http::Response instance_files_delete(Context& context, const http::Request& request) {
    files_of(context, request).remove(path_of(request));
    report(context, request, "instance-file-deleted");
    return done();
}

} // namespace api
