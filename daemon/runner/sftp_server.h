#pragma once
// An SFTP server below one root folder: packets in, packets out. As with file_tree, no path leads out of the root and
// nothing but a regular file is opened for reading or writing. Caller: `lxd-runner sftp`.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <dirent.h>

#include "daemon/base/fd.h"
#include "daemon/runner/sftp_packet.h"

namespace runner::sftp {

class Server {
public:
    explicit Server(base::Fd root) : root_(std::move(root)) {}

    /// The answer to a packet (without its length); never throws for what a client sent.
    std::string answer(std::string_view packet);

private:
    struct CloseFolder {
        void operator()(DIR* folder) const { ::closedir(folder); }
    };
    struct Open {
        base::Fd file;
        std::unique_ptr<DIR, CloseFolder> folder;
    };

    std::string obey(const Request& request);
    std::string open(const Request& request);
    std::string open_folder(const Request& request);
    std::string read_folder(const Request& request);
    std::string read(const Request& request) const;
    void write(const Request& request) const;
    std::string stat(const Request& request, int flags) const;
    std::string read_link(const Request& request) const;
    std::string keep(Open open, uint32_t id);
    const Open& find(const std::string& handle) const;
    int file(const std::string& handle) const;
    void change(const Request& request, int flags) const;
    void rename(const Request& request, bool replace) const;
    void link(const Request& request) const;
    void make_folder(const Request& request) const;
    void make_symlink(const Request& request) const;
    void remove(const Request& request, int flags) const;
    std::string file_system(uint32_t id, int fd) const;

    base::Fd root_;
    std::map<std::string, Open> open_;
    uint64_t next_handle_ = 0;
};

/// An absolute path without ".", ".." and doubled slashes, by its text alone.
std::string clean_path(std::string_view path);

} // namespace runner::sftp
