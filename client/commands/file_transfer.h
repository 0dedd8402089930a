#pragma once
// Files of instances over the API: what pull, push, edit and delete are made of.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/progress.h"
#include "client/server.h"

namespace client {

/// What the server says of a file besides its content.
struct FileHead {
    std::string type; // "file", "directory" or "symlink"
    int mode = 0;
    int64_t length = -1;
};

/// What a new file gets; -1 leaves the choice to the server.
struct FileAttributes {
    std::string type = "file";
    int64_t uid = -1;
    int64_t gid = -1;
    int mode = -1;
    std::vector<std::string> modify = {}; // of uid, gid, mode: what an existing file gets too, if the server can
};

class InstanceFiles {
public:
    InstanceFiles(Server& server, std::string instance) : server_(server), instance_(std::move(instance)) {}

    /// Asks for a file; of a plain one the content goes to the sink that `choose` returns, of a directory or a link
    /// it is returned (names in JSON, or the target).
    struct Fetched {
        FileHead head;
        std::vector<std::string> names; // of a directory
        std::string target;             // of a link
    };
    using OpenTarget = std::function<Sink(const FileHead&)>;
    Fetched fetch(const std::string& path, const OpenTarget& open);
    /// What is there, without its content.
    std::optional<FileHead> look(const std::string& path);

    void create(const std::string& path, const FileAttributes& attributes, std::vector<BodyPart> content,
                std::function<void(int64_t)> on_sent = {});
    void remove(const std::string& path);
    /// Makes the folders of a path that are missing.
    void make_folders(const std::string& path, const FileAttributes& attributes);

private:
    std::string url(const std::string& path) const;

    Server& server_;
    std::string instance_;
};

} // namespace client
