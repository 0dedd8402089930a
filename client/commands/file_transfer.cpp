#include "client/commands/file_transfer.h"

#include <cerrno>
#include <cstdlib>

#include "client/instances.h"
#include "client/target.h"
#include "schema/error.h"

namespace client {

using schema::Json;

namespace {

FileHead head_of(const HttpResponse& response) {
    FileHead head{.type = response.header("x-lxd-type"), .length = response.length};
    if (head.type.empty()) head.type = "file";
    if (const auto& mode = response.header("x-lxd-mode"); !mode.empty()) {
        head.mode = static_cast<int>(std::strtol(mode.c_str(), nullptr, 8));
    }
    return head;
}

/// Thrown by a sink to end a transfer whose content nobody wants.
struct Enough {};

} // namespace

std::string InstanceFiles::url(const std::string& path) const {
    return instance_url(instance_) + "/files?path=" + query_escape(path);
}

InstanceFiles::Fetched InstanceFiles::fetch(const std::string& path, const OpenTarget& open) {
    const HttpRequest request{.target = url(path)};
    Fetched fetched;
    const auto response = server_.connection().send(request, [&](const HttpResponse& head) -> Sink {
        if (head.status != 200) return {};
        fetched.head = head_of(head);
        return fetched.head.type == "file" ? open(fetched.head) : Sink{};
    });
    if (response.status != 200) throw_error(request, response);
    if (fetched.head.type == "symlink") fetched.target = response.body;
    if (fetched.head.type == "directory") {
        const auto answer = Json::parse(response.body);
        if (answer["metadata"].is_array()) {
            for (const auto& name : answer["metadata"].as_array()) fetched.names.push_back(name.as_string());
        }
    }
    return fetched;
}

std::optional<FileHead> InstanceFiles::look(const std::string& path) {
    FileHead head;
    try {
        return fetch(path,
                     [&](const FileHead& found) -> Sink {
                         head = found;
                         return [](std::string_view) { throw Enough{}; };
                     })
            .head;
    } catch (const Enough&) {
        return head;
    } catch (const schema::Error&) {
        return std::nullopt;
    }
}

void InstanceFiles::create(const std::string& path, const FileAttributes& attributes, std::vector<BodyPart> content,
                           std::function<void(int64_t)> on_sent) {
    HttpRequest request{
        .method = "POST", .target = url(path), .body = std::move(content), .on_sent = std::move(on_sent)};
    request.headers["X-LXD-type"] = attributes.type;
    if (attributes.uid >= 0) request.headers["X-LXD-uid"] = std::to_string(attributes.uid);
    if (attributes.gid >= 0) request.headers["X-LXD-gid"] = std::to_string(attributes.gid);
    if (attributes.mode >= 0) request.headers["X-LXD-mode"] = fmt::format("{:04o}", attributes.mode);
    if (!attributes.modify.empty()) request.headers["X-LXD-modify-perm"] = join(attributes.modify, ",");
    server_.send(request);
}

void InstanceFiles::remove(const std::string& path) {
    server_.del(url(path));
}

void InstanceFiles::make_folders(const std::string& path, const FileAttributes& attributes) {
    const auto cleaned = clean_path(path);
    if (cleaned == "/" || cleaned == ".") return;
    std::vector<std::string> missing;
    for (auto folder = cleaned; folder != "/" && folder != "."; folder = dir_name(folder)) {
        if (const auto found = look(folder)) {
            if (found->type != "directory") throw schema::bad_request("{} is not a directory", folder.substr(1));
            break;
        }
        missing.push_back(folder);
    }
    auto folder_attributes = attributes;
    folder_attributes.type = "directory";
    for (auto folder = missing.rbegin(); folder != missing.rend(); ++folder) create(*folder, folder_attributes, {});
}

} // namespace client
