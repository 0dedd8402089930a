// What clients ask of the helpers that work in an instance's root: SFTP, and the requests of the file API. They run in
// a folder of their own, beside another that must stay as it is.

#include <filesystem>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "daemon/runner/exec_request.h"
#include "daemon/runner/file_tree.h"
#include "daemon/runner/frame.h"
#include "daemon/runner/lxc_log.h"
#include "daemon/runner/sftp_server.h"
#include "test/fakes/temporary_folder.h"
#include "test/fuzz/claims.h"
#include "test/fuzz/rooms.h"

namespace fuzz {

namespace {

namespace fs = std::filesystem;

/// Whatever modes the folders were given.
void remove_tree(const fs::path& folder) {
    std::error_code ignored;
    fs::permissions(folder, fs::perms::owner_all, fs::perm_options::replace, ignored);
    for (const auto& entry : fs::directory_iterator(folder, ignored))
        if (entry.symlink_status(ignored).type() == fs::file_type::directory) remove_tree(entry.path());
    fs::remove_all(folder, ignored);
}

class Ground {
public:
    Ground() {
        fs::create_directories(root() / "folder");
        fs::create_directory(outside());
        fakes::write(root() / "file", "content");
        fakes::write(outside() / "secret", "secret");
        fs::create_symlink(outside(), root() / "out");
        fs::create_symlink("../../outside/secret", root() / "folder/up");
        fs::create_symlink("folder", root() / "in");
    }
    Ground(const Ground&) = delete;
    Ground& operator=(const Ground&) = delete;
    ~Ground() {
        struct stat info{};
        require(::stat((outside() / "secret").c_str(), &info) == 0 && info.st_size == 6 && info.st_nlink == 1,
                "what is outside stays");
        require(std::distance(fs::directory_iterator(outside()), {}) == 1, "nothing comes to be outside");
        remove_tree(root());
    }

    base::Fd open() const {
        return base::checked(::open(root().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), "the root");
    }

private:
    fs::path root() const { return fs::path(top_.path()) / "root"; }
    fs::path outside() const { return fs::path(top_.path()) / "outside"; }

    fakes::TemporaryFolder top_;
};

/// The next piece, which two bytes give the length of; a length past the end is the rest.
std::string_view take_piece(std::string_view& rest) {
    const auto byte = [&](size_t at) { return size_t{static_cast<unsigned char>(rest[at])}; };
    const auto size = rest.size() < 2 ? 0 : byte(0) << 8U | byte(1);
    rest.remove_prefix(std::min<size_t>(2, rest.size()));
    const auto piece = rest.substr(0, size);
    rest.remove_prefix(piece.size());
    return piece;
}

void obey(const runner::FileTree& tree, const runner::FilesRequest& request, std::string_view rest) {
    if (request.verb == "put")
        tree.put(request, [&]() -> std::optional<std::string> { return std::string(take_piece(rest)); });
    if (request.verb == "remove") tree.remove(request.path);
    if (request.verb == "stat") tree.stat(request.path);
    if (request.verb != "get") return;
    tree.open_for_reading(request.path);
    tree.names(request.path);
}

} // namespace

/// Packets, each after two bytes of length.
void sftp(std::string_view input) {
    const Ground ground;
    runner::sftp::Server server(ground.open());
    while (!input.empty()) {
        const auto packet = take_piece(input);
        if (packet.empty()) continue;
        const auto answer = server.answer(packet);
        require(answer.size() >= 9, "an answer has a length, a type and an id");
        require(runner::sftp::id_of(std::string_view(answer).substr(4)) == runner::sftp::id_of(packet) ||
                    answer[4] == static_cast<char>(runner::sftp::Type::version),
                "an answer has the request's id");
        require(answer.size() / 2 < runner::sftp::packet_limit, "an answer is bounded");
    }
}

/// A request of the file helper, then pieces of content.
void files_request(std::string_view input) {
    const auto text = take_piece(input);
    may_refuse([&] {
        const auto request = runner::decode_files_request(std::string(text));
        const Ground ground;
        const runner::FileTree tree(ground.open());
        try {
            obey(tree, request, input);
        } catch (const std::system_error&) { // refused
        }
    });
}

/// What the helpers read and write over their pipes.
void frames(std::string_view input) {
    constexpr uint32_t longest = 1U << 16U;
    const auto file = base::checked(::memfd_create("frames", MFD_CLOEXEC), "memfd_create");
    base::write_all(file.get(), input);
    ::lseek(file.get(), 0, SEEK_SET);
    try {
        while (const auto frame = runner::read_frame(file.get(), longest)) {
            may_refuse([&] {
                const auto text = runner::encode(runner::decode_files_reply(*frame));
                require(runner::encode(runner::decode_files_reply(text)) == text, "a reply is read as it was written");
            });
            may_refuse([&] {
                const auto text = runner::encode(runner::decode_files_request(*frame));
                require(runner::encode(runner::decode_files_request(text)) == text,
                        "a request is read as it was written");
            });
            may_refuse([&] { runner::decode_exec_request(*frame); });
        }
    } catch (const std::system_error&) { // too long
    }
    runner::error_messages(input);
}

} // namespace fuzz
