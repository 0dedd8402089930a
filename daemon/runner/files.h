#pragma once
// The file helper's protocol: `lxd-runner files [ROOTFS]`, one request a process. Callers: the helper, and the instance
// room's files.
//
// Without ROOTFS the helper enters the user and mount namespaces of the init process whose pidfd is descriptor 5; with
// it every path is resolved below that folder. Descriptor 3 carries the request, 4 the reply. Both start with a frame:
// four bytes of length (host order) and that much JSON. After a put's request come frames of data; the last one is
// empty, and a stream that ends without it was given up: a file that was new is removed again. After the reply to a get
// comes the content, raw, up to end of file. Ending the helper cancels.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/runner/bytes.h"
#include "schema/json.h"
#include "schema/limits.h"

namespace runner {

constexpr int files_request_fd = 3;
constexpr int files_reply_fd = 4;
constexpr int files_pidfd = 5;
constexpr uint32_t files_frame_limit = schema::limits::folder_listing.value; // a folder's names

struct FilesRequest {
    std::string verb;          // stat, get, put, remove
    std::string path;          // as the container sees it; without a slash at its start it is below "/"
    std::string type = "file"; // put: file, directory, symlink
    int64_t uid = -1;          // put: -1 for a new one's default, 0
    int64_t gid = -1;
    int64_t mode = -1;                    // put: -1 for a new one's default, 0644 or 0750
    bool append = false;                  // put a file: it must exist, as LXD has it
    std::vector<std::string> modify = {}; // put a file: which of uid, gid and mode an existing one gets too
};

struct FilesReply {
    int error = 0;    // errno
    std::string text; // what failed, without the reason; or the whole message where error is EBADMSG
    std::string type; // file, directory, symlink
    int64_t uid = 0;
    int64_t gid = 0;
    int64_t mode = 0;
    int64_t size = -1;              // of a file; -1: not known before it was read (/proc)
    int64_t modified = 0;           // seconds since 1970
    std::string target;             // of a symlink, made absolute
    std::vector<std::string> names; // in a directory
};

inline std::string encode(const FilesRequest& request) {
    return schema::Json::empty_object()
        .set("verb", request.verb)
        .set("path", text_of(request.path))
        .set("type", request.type)
        .set("uid", request.uid)
        .set("gid", request.gid)
        .set("mode", request.mode)
        .set("append", request.append)
        .set("modify", schema::Json(request.modify))
        .dump();
}

inline FilesRequest decode_files_request(const std::string& text) {
    const auto json = schema::Json::parse(text);
    FilesRequest request;
    schema::json::read(json, "verb", request.verb);
    schema::json::read(json, "path", request.path);
    schema::json::read(json, "type", request.type);
    schema::json::read(json, "uid", request.uid);
    schema::json::read(json, "gid", request.gid);
    schema::json::read(json, "mode", request.mode);
    schema::json::read(json, "append", request.append);
    schema::json::read(json, "modify", request.modify);
    request.path = bytes_of(request.path);
    return request;
}

inline std::string encode(const FilesReply& reply) {
    auto names = schema::Json::empty_array();
    for (const auto& name : reply.names) names.push_back(text_of(name));
    return schema::Json::empty_object()
        .set("error", reply.error)
        .set("text", text_of(reply.text))
        .set("type", reply.type)
        .set("uid", reply.uid)
        .set("gid", reply.gid)
        .set("mode", reply.mode)
        .set("size", reply.size)
        .set("modified", reply.modified)
        .set("target", text_of(reply.target))
        .set("names", std::move(names))
        .dump();
}

inline FilesReply decode_files_reply(const std::string& text) {
    const auto json = schema::Json::parse(text);
    FilesReply reply;
    schema::json::read(json, "error", reply.error);
    schema::json::read(json, "text", reply.text);
    schema::json::read(json, "type", reply.type);
    schema::json::read(json, "uid", reply.uid);
    schema::json::read(json, "gid", reply.gid);
    schema::json::read(json, "mode", reply.mode);
    schema::json::read(json, "size", reply.size);
    schema::json::read(json, "modified", reply.modified);
    schema::json::read(json, "target", reply.target);
    schema::json::read(json, "names", reply.names);
    reply.text = bytes_of(reply.text);
    reply.target = bytes_of(reply.target);
    for (auto& name : reply.names) name = bytes_of(name);
    return reply;
}

} // namespace runner
