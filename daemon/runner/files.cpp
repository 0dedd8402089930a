#include "daemon/runner/files.h"

#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/runner/enter.h"
#include "daemon/runner/file_tree.h"
#include "daemon/runner/frame.h"
#include "daemon/runner/verbs.h"

namespace runner {

namespace {

constexpr size_t piece_size = 128U << 10U;

base::Fd root_folder(const Arguments& arguments) {
    ::umask(0);
    if (arguments.empty()) {
        enter_container(files_pidfd);
        ::close(files_pidfd);
        return base::checked(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), "/");
    }
    auto root = base::checked(::open(arguments[0].c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), arguments[0]);
    if (arguments.size() > 1) enter_user_namespace(schema::id_map_from(arguments[1]));
    return root;
}

void answer(const FilesReply& reply) {
    base::write_all(files_reply_fd, framed(encode(reply)));
}

/// Reads up to `limit` bytes; less at the end of the file.
std::string read_up_to(int fd, size_t limit) {
    std::string data(limit, '\0');
    size_t used = 0;
    while (used < limit) {
        const auto count = ::read(fd, data.data() + used, limit - used);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw std::system_error(errno, std::generic_category(), "read");
        if (count == 0) break;
        used += static_cast<size_t>(count);
    }
    data.resize(used);
    return data;
}

/// Sends the announced size and no more; a file that shrinks meanwhile ends early, which the reader notices.
void send_file(const FileTree& tree, const FilesRequest& request, FilesReply reply) {
    const auto file = tree.open_for_reading(request.path);
    // Files of /proc and /sys say that they are empty, or one page: what counts is what can be read.
    const auto first = read_up_to(file.get(), piece_size);
    if (first.size() < piece_size)
        reply.size = static_cast<int64_t>(first.size());
    else if (reply.size <= static_cast<int64_t>(piece_size))
        reply.size = -1;
    answer(reply);
    base::write_all(files_reply_fd, first);
    auto left = reply.size < 0 ? INT64_MAX : reply.size - static_cast<int64_t>(first.size());
    while (left > 0) {
        const auto piece = read_up_to(file.get(), std::min<size_t>(piece_size, static_cast<size_t>(left)));
        if (piece.empty()) return;
        base::write_all(files_reply_fd, piece);
        left -= static_cast<int64_t>(piece.size());
    }
}

/// LXD answers with the path that a link means from the root, resolved by its text alone.
std::string absolute_target(const std::string& path, const std::string& target) {
    const std::string whole = target.starts_with('/') ? target : "/" + path.substr(0, path.rfind('/') + 1) + target;
    std::vector<std::string> parts;
    for (size_t start = 0; start < whole.size();) {
        const auto end = std::min(whole.find('/', start), whole.size());
        const auto part = whole.substr(start, end - start);
        start = end + 1;
        if (part == ".." && !parts.empty()) parts.pop_back();
        if (!part.empty() && part != "." && part != "..") parts.push_back(part);
    }
    std::string result;
    for (const auto& part : parts) result += "/" + part;
    return result.empty() ? "/" : result;
}

void get(const FileTree& tree, const FilesRequest& request) {
    auto reply = tree.stat(request.path);
    if (reply.type == "file") return send_file(tree, request, std::move(reply));
    if (reply.type == "directory") reply.names = tree.names(request.path);
    if (reply.type == "symlink") reply.target = absolute_target(request.path, reply.target);
    answer(reply);
}

void put(const FileTree& tree, const FilesRequest& request) {
    tree.put(request, [] { return read_frame(files_request_fd, files_frame_limit); });
    answer({});
}

void handle(const FileTree& tree, const FilesRequest& request) {
    if (request.verb == "get") return get(tree, request);
    if (request.verb == "put") return put(tree, request);
    if (request.verb == "stat") return answer(tree.stat(request.path));
    if (request.verb != "remove") throw std::system_error(ENOSYS, std::generic_category(), request.verb);
    tree.remove(request.path);
    answer({});
}

} // namespace

int files(const Arguments& arguments) {
    ::signal(SIGPIPE, SIG_IGN); // the daemon may stop listening at any time
    try {
        const FileTree tree(root_folder(arguments));
        const auto text = read_frame(files_request_fd, files_frame_limit);
        if (!text) return 1;
        handle(tree, decode_files_request(*text));
        return 0;
    } catch (const std::system_error& error) {
        FilesReply reply;
        reply.error = error.code().value();
        reply.text = error.what();
        answer(reply);
        return 1;
    }
}

} // namespace runner
