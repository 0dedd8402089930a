#include "daemon/instance/files.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/instance/runtime.h"
#include "daemon/runner/files.h"
#include "daemon/runner/frame.h"
#include "schema/error.h"

namespace instance {

namespace {

constexpr size_t largest_frame = 1U << 20U;

[[noreturn]] void rethrow(const runner::FilesReply& reply) {
    switch (reply.error) {
    case ENOENT:
        throw schema::not_found("Not Found");
    case EACCES:
    case EPERM:
        throw schema::forbidden("Forbidden");
    case EINVAL: // not a regular file, or an id that the container does not have
        throw schema::bad_request("{}", reply.text);
    default:
        throw schema::failure("{}", reply.text);
    }
}

/// Throws what the helper reports.
runner::FilesReply read_reply(int fd) {
    const auto text = runner::read_frame(fd, runner::files_frame_limit);
    if (!text) throw schema::failure("The file helper ended without an answer");
    auto reply = runner::decode_files_reply(*text);
    if (reply.error != 0) rethrow(reply);
    return reply;
}

FileInfo info_of(const runner::FilesReply& reply) {
    FileInfo info;
    info.type = reply.type;
    info.uid = reply.uid;
    info.gid = reply.gid;
    info.mode = static_cast<uint32_t>(reply.mode);
    if (reply.size >= 0) info.size = static_cast<uint64_t>(reply.size);
    info.modified = reply.modified;
    return info;
}

/// The helper may end at any time; that must not become a signal here.
bool send_all(int socket, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
}

} // namespace

struct Files::Helper {
    base::Process process;
    base::Fd request;
    base::Fd reply;

    void ask(const runner::FilesRequest& what) const { send_all(request.get(), runner::framed(runner::encode(what))); }
};

Files::Helper Files::spawn() const {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        throw std::system_error(errno, std::generic_category(), "socketpair");
    base::Fd ours(ends[0]);
    base::Fd theirs(ends[1]);
    auto reply = base::make_pipe();
    auto process = runtime_.spawn_files(name_, root_, std::move(theirs), std::move(reply.write_end));
    return {std::move(process), std::move(ours), std::move(reply.read_end)};
}

FileInfo Files::stat(const std::string& path) const {
    const auto helper = spawn();
    helper.ask({.verb = "stat", .path = path});
    return info_of(read_reply(helper.reply.get()));
}

FileContent Files::get(const std::string& path) const {
    auto helper = spawn();
    helper.ask({.verb = "get", .path = path});
    auto reply = read_reply(helper.reply.get());
    FileContent content(std::move(helper.process), std::move(helper.reply));
    content.info = info_of(reply);
    content.target = std::move(reply.target);
    content.names = std::move(reply.names);
    content.left_ = content.info.size.value_or(0);
    return content;
}

size_t FileContent::read(char* data, size_t size) {
    for (;;) {
        const auto count = ::read(stream_.get(), data, size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw std::system_error(errno, std::generic_category(), "read a file of an instance");
        if (!info.size) return static_cast<size_t>(count);
        if (count == 0 && left_ > 0) throw schema::failure("The file became shorter while it was read");
        left_ -= std::min(left_, static_cast<uint64_t>(count));
        return static_cast<size_t>(count);
    }
}

FileUpload Files::put(const FilePut& put) const {
    auto helper = spawn();
    runner::FilesRequest request;
    request.verb = "put";
    request.path = put.path;
    request.type = put.type;
    request.uid = put.uid;
    request.gid = put.gid;
    request.mode = put.mode;
    request.append = put.append;
    request.modify = put.modify;
    helper.ask(request);
    return {std::move(helper.process), std::move(helper.request), std::move(helper.reply)};
}

FileUpload::~FileUpload() {
    if (!request_) return;
    request_.reset();
    // The helper removes what it had begun. A file system that hangs must not hang us: it is killed after a second.
    pollfd watched{helper_.pidfd(), POLLIN, 0};
    while (::poll(&watched, 1, 1000) < 0 && errno == EINTR) {
    }
}

void FileUpload::write(std::string_view data) {
    while (!data.empty()) {
        const auto piece = data.substr(0, largest_frame);
        if (!send(piece)) read_reply(reply_.get()); // it says why it stopped listening
        data.remove_prefix(piece.size());
    }
}

bool FileUpload::send(std::string_view bytes) {
    const auto size = static_cast<uint32_t>(bytes.size());
    return send_all(request_.get(), {reinterpret_cast<const char*>(&size), sizeof size}) &&
           send_all(request_.get(), bytes);
}

void FileUpload::finish() {
    send({});
    read_reply(reply_.get());
    request_.reset();
}

void Files::remove(const std::string& path) const {
    const auto helper = spawn();
    helper.ask({.verb = "remove", .path = path});
    read_reply(helper.reply.get());
}

} // namespace instance
