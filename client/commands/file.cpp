// lxc file: copies files between this machine and instances, edits and deletes them.

#include <cerrno>
#include <charconv>
#include <cstdlib>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "client/commands/commands.h"
#include "client/commands/file_transfer.h"
#include "client/editor.h"
#include "client/local_files.h"
#include "client/session.h"
#include "client/target.h"
#include "client/terminal.h"
#include "daemon/base/fd.h"
#include "schema/error.h"

namespace client {

namespace {

constexpr Flag pull_flags[] = {
    {"create-dirs", 'p', FlagKind::toggle, "Create the folders that are missing"},
    {"recursive", 'r', FlagKind::toggle, "Copy folders with everything in them"},
};
constexpr Flag push_flags[] = {
    {"create-dirs", 'p', FlagKind::toggle, "Create the folders that are missing"},
    {"gid", 0, FlagKind::number, "Group id of the new file", "-1"},
    {"mode", 0, FlagKind::text, "Permissions of the new file"},
    {"recursive", 'r', FlagKind::toggle, "Copy folders with everything in them"},
    {"uid", 0, FlagKind::number, "User id of the new file", "-1"},
};

constexpr mode_t folder_mode = 0755;
constexpr int most_links = 255;

void make_local_folders(const std::string& path) {
    std::string folder = path.starts_with('/') ? "/" : "";
    for (const auto& part : split(path, '/')) {
        if (part.empty()) continue;
        folder = join_path(folder, part);
        if (::mkdir(folder.c_str(), folder_mode) != 0 && errno != EEXIST) fail("mkdir", folder);
    }
}

std::optional<struct stat> local_status(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0) return status;
    if (errno != ENOENT) fail("stat", path);
    return std::nullopt;
}

base::Fd open_local(const std::string& path) {
    base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) fail("open", path);
    return file;
}

base::Fd create_local(const std::string& path, int mode) {
    base::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!file) fail("open", path);
    if (::fchmod(file.get(), static_cast<mode_t>(mode)) != 0) fail("chmod", path);
    return file;
}

/// "c1/etc/hosts": the instance, and the path in it.
struct Place {
    InstanceFiles files;
    std::string path;
};

Place place_of(Session& session, const std::string& word, std::string_view complaint) {
    const auto resource = session.resource(word);
    const auto slash = resource.name.find('/');
    if (slash == std::string::npos) throw schema::bad_request("{} {}", complaint, resource.name);
    return {InstanceFiles(resource.server, resource.name.substr(0, slash)), resource.name.substr(slash + 1)};
}

// --- pull -------------------------------------------------------------------------------------------------------

std::string trimmed_link(std::string target) {
    while (!target.empty() && (target.back() == '\n' || target.back() == ' ')) target.pop_back();
    return target;
}

class Puller {
public:
    Puller(Session& session, bool recursive) : quiet_(session.quiet()), recursive_(recursive) {}

    /// One source of the command line. `is_folder`: the target is a folder to put it into.
    void pull(Place& place, const std::string& target, bool is_folder) {
        std::string path = is_folder ? join_path(target, base_name(place.path)) : target;
        auto fetched = receive(place.files, place.path, path);
        if (fetched.head.type == "directory") {
            if (!recursive_) throw schema::bad_request("Can't pull a directory without --recursive");
            if (!local_status(target)) make_local_folders(target);
            pull_folder(place.files, place.path, fetched, join_path(target, base_name(place.path)));
        } else if (fetched.head.type == "symlink") {
            if (target != "-" && !recursive_) return make_link(fetched.target, path);
            follow(place, fetched.target, path);
        }
    }

private:
    /// Fetches something; a plain file is written to `target` on the way.
    InstanceFiles::Fetched receive(InstanceFiles& files, const std::string& path, const std::string& target) {
        Progress progress(fmt::format("Pulling {} from {}: ", target, path), quiet_ || target == "-");
        base::Fd file;
        int64_t received = 0;
        return files.fetch(path, [&](const FileHead& head) -> Sink {
            const int fd = target == "-" ? STDOUT_FILENO : (file = create_local(target, head.mode)).get();
            return [&progress, &received, fd](std::string_view part) {
                base::write_all(fd, part);
                received += static_cast<int64_t>(part.size());
                progress.show_bytes(received, -1);
            };
        });
    }

    void follow(Place& place, std::string link, const std::string& target) {
        auto path = place.path;
        for (int links = 0; links < most_links; ++links) {
            link = trimmed_link(link);
            path = link.starts_with('/') ? link : join_path(dir_name(path), link);
            auto fetched = receive(place.files, path, target);
            if (fetched.head.type == "directory") throw schema::bad_request("{} is a directory", path);
            if (fetched.head.type != "symlink") return;
            link = fetched.target;
        }
        throw schema::bad_request("Too many links");
    }

    void pull_folder(InstanceFiles& files, const std::string& path, const InstanceFiles::Fetched& folder,
                     const std::string& target) {
        if (::mkdir(target.c_str(), static_cast<mode_t>(folder.head.mode)) != 0) fail("mkdir", target);
        for (const auto& name : folder.names) {
            const auto inner = join_path(path, name);
            const auto inner_target = join_path(target, name);
            const auto fetched = receive(files, inner, inner_target);
            if (fetched.head.type == "directory") {
                pull_folder(files, inner, fetched, inner_target);
            } else if (fetched.head.type == "symlink") {
                make_link(fetched.target, inner_target);
            } else if (fetched.head.type != "file") {
                throw schema::bad_request("Unknown file type '{}'", fetched.head.type);
            }
        }
    }

    static void make_link(const std::string& link, const std::string& path) {
        if (::symlink(trimmed_link(link).c_str(), path.c_str()) != 0) fail("symlink " + trimmed_link(link), path);
    }

    bool quiet_;
    bool recursive_;
};

int run_pull(Session& session, Call& call) {
    const std::string last = call.arguments.back();
    const std::vector<std::string> sources(call.arguments.begin(), call.arguments.end() - 1);
    const auto target = clean_path(last);
    bool is_folder = false;
    if (const auto status = local_status(target)) {
        is_folder = S_ISDIR(status->st_mode);
        if (!is_folder && sources.size() > 1) {
            throw schema::bad_request("More than one file to download, but target is not a directory");
        }
    } else if (last.ends_with('/') || sources.size() > 1) {
        make_local_folders(target);
        is_folder = true;
    } else if (call.flags.on("create-dirs")) {
        make_local_folders(dir_name(target));
    }
    Puller puller(session, call.flags.on("recursive"));
    for (const auto& source : sources) {
        auto place = place_of(session, source, "Invalid source");
        puller.pull(place, target, is_folder);
        if (is_folder || !call.flags.on("recursive") || target == "-") continue;
        const auto made = local_status(target);
        is_folder = made && S_ISDIR(made->st_mode);
    }
    return 0;
}

// --- push -------------------------------------------------------------------------------------------------------

FileAttributes attributes_of(const struct stat& status) {
    return {.uid = status.st_uid, .gid = status.st_gid, .mode = static_cast<int>(status.st_mode & 0777U)};
}

struct stat status_of(int fd, const std::string& path) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) fail("stat", path);
    return status;
}

/// "644", "0644" and "4755" are all octal; of the last one only what is about permissions counts, as with LXD.
int parse_mode(std::string text) {
    if (text.size() == 3) text.insert(0, "0");
    unsigned mode = 0;
    const auto* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, mode, 8);
    if (error == std::errc::result_out_of_range) {
        throw schema::bad_request("strconv.ParseInt: parsing \"{}\": value out of range", text);
    }
    if (error != std::errc{} || rest != end) {
        throw schema::bad_request("strconv.ParseInt: parsing \"{}\": invalid syntax", text);
    }
    return static_cast<int>(mode & 0777U);
}

void push_content(InstanceFiles& files, int fd, const std::string& name, const std::string& path,
                  const FileAttributes& attributes, bool quiet) {
    const auto status = status_of(fd, name);
    // What cannot be measured beforehand (a pipe, /proc) is sent in chunks.
    const int64_t size = S_ISREG(status.st_mode) && status.st_size > 0 ? status.st_size : -1;
    Progress progress(fmt::format("Pushing {} to {}: ", name, path), quiet);
    files.create(path, attributes, {{.fd = fd, .size = size}}, [&](int64_t sent) { progress.show_bytes(sent, size); });
}

std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(folder.c_str()), ::closedir);
    if (!listing) fail("open", folder);
    while (const auto* entry = ::readdir(listing.get())) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::string link_target(const std::string& path, const struct stat& status) {
    std::string target(static_cast<size_t>(status.st_size > 0 ? status.st_size : 4096), '\0');
    const auto size = ::readlink(path.c_str(), target.data(), target.size());
    if (size < 0) fail("readlink", path);
    target.resize(static_cast<size_t>(size));
    return target;
}

void push_tree(InstanceFiles& files, const std::string& source, const std::string& target, bool quiet) {
    struct stat status{};
    if (::lstat(source.c_str(), &status) != 0) fail("Failed to walk path for " + source + ": lstat", source);
    auto attributes = attributes_of(status);
    if (S_ISDIR(status.st_mode)) {
        attributes.type = "directory";
        files.create(target, attributes, {});
        for (const auto& name : names_in(source)) {
            push_tree(files, join_path(source, name), join_path(target, name), quiet);
        }
    } else if (S_ISLNK(status.st_mode)) {
        attributes.type = "symlink";
        files.create(target, attributes, {{.text = link_target(source, status)}});
    } else if (S_ISREG(status.st_mode)) {
        push_content(files, open_local(source).get(), source, target, attributes, quiet);
    } else {
        throw schema::bad_request("'{}' isn't a supported file type", source);
    }
}

/// Where a push goes: everything after the instance's name, made absolute.
struct PushTarget {
    InstanceFiles files;
    std::string path;
    bool is_folder;
};

PushTarget push_target(Session& session, const std::string& word) {
    const auto slash = word.find('/');
    if (slash == std::string::npos) throw schema::bad_request("Invalid target {}", word);
    const auto resource = session.resource(word.substr(0, slash));
    auto path = clean_path("/" + word.substr(slash + 1));
    const bool is_folder = word.ends_with('/') || path == "/";
    return {InstanceFiles(resource.server, resource.name), std::move(path), is_folder};
}

void push_recursively(Session& session, const FlagValues& flags, PushTarget& target,
                      const std::vector<std::string>& sources) {
    if (flags.number("uid") != -1 || flags.number("gid") != -1 || !flags.text("mode").empty()) {
        throw schema::bad_request("Can't supply uid/gid/mode in recursive mode");
    }
    if (flags.on("create-dirs")) {
        const auto first = open_local(sources[0]);
        target.files.make_folders(target.path, attributes_of(status_of(first.get(), sources[0])));
    }
    for (const auto& source : sources) {
        push_tree(target.files, source, join_path(target.path, base_name(source)), session.quiet());
    }
}

void push_files(Session& session, const FlagValues& flags, PushTarget& target,
                const std::vector<std::string>& sources) {
    if (sources.size() > 1 && !target.is_folder) throw schema::bad_request("Missing target directory");
    // All sources are opened before the first is sent.
    std::vector<base::Fd> opened;
    for (const auto& source : sources) {
        opened.push_back(source == "-" ? base::Fd() : open_local(source));
        if (opened.back() && S_ISDIR(status_of(opened.back().get(), source).st_mode)) {
            throw schema::bad_request("read {}: is a directory", source);
        }
    }
    for (size_t i = 0; i < sources.size(); ++i) {
        const int fd = opened[i] ? opened[i].get() : STDIN_FILENO;
        const auto name = opened[i] ? sources[i] : std::string("/dev/stdin");
        const auto path = target.is_folder ? join_path(target.path, base_name(name)) : target.path;
        auto attributes = attributes_of(status_of(fd, name));
        if (const int uid = flags.number("uid"); uid >= 0) {
            attributes.uid = uid;
            attributes.modify.emplace_back("uid");
        }
        if (const int gid = flags.number("gid"); gid >= 0) {
            attributes.gid = gid;
            attributes.modify.emplace_back("gid");
        }
        if (flags.on("create-dirs")) {
            target.files.make_folders(dir_name(path), {.uid = attributes.uid, .gid = attributes.gid});
        }
        if (const auto mode = flags.text("mode"); !mode.empty()) {
            attributes.mode = parse_mode(mode);
            attributes.modify.emplace_back("mode");
        }
        push_content(target.files, fd, name, path, attributes, session.quiet());
    }
}

int run_push(Session& session, Call& call) {
    auto target = push_target(session, call.arguments.back());
    std::vector<std::string> sources;
    for (size_t i = 0; i + 1 < call.arguments.size(); ++i) sources.push_back(clean_path(call.arguments[i]));
    if (const auto mode = call.flags.text("mode"); !mode.empty()) parse_mode(mode);
    if (call.flags.on("recursive")) {
        push_recursively(session, call.flags, target, sources);
    } else {
        push_files(session, call.flags, target, sources);
    }
    return 0;
}

// --- edit and delete --------------------------------------------------------------------------------------------

/// A copy of a file to edit, removed in the end.
class EditedFile {
public:
    EditedFile() {
        const char* folder = std::getenv("TMPDIR");
        path_ = fmt::format("{}/lxd_file_edit_XXXXXX", folder == nullptr ? "/tmp" : folder);
        if (!base::Fd(::mkostemp(path_.data(), O_CLOEXEC))) fail("open", path_);
    }
    ~EditedFile() { ::unlink(path_.c_str()); }
    EditedFile(const EditedFile&) = delete;
    EditedFile& operator=(const EditedFile&) = delete;

    const std::string& path() const { return path_; }

private:
    std::string path_;
};

int run_edit(Session& session, Call& call) {
    auto target = push_target(session, call.arguments[0]);
    // The file keeps its owner and mode: none are sent.
    if (!is_terminal(STDIN_FILENO)) {
        push_content(target.files, STDIN_FILENO, "/dev/stdin", target.path, {}, session.quiet());
        return 0;
    }
    const EditedFile copy;
    auto place = place_of(session, call.arguments[0], "Invalid source");
    Puller(session, false).pull(place, copy.path(), false);
    run_editor(copy.path());
    const auto file = open_local(copy.path());
    push_content(target.files, file.get(), copy.path(), target.path, {}, session.quiet());
    return 0;
}

int run_delete(Session& session, Call& call) {
    for (const auto& word : call.arguments) {
        auto place = place_of(session, word, "Invalid path");
        place.files.remove(place.path);
    }
    return 0;
}

constinit const Command delete_command{
    .name = "delete",
    .aliases = "rm",
    .arguments = "[<remote>:]<instance>/<path> [[<remote>:]<instance>/<path>...]",
    .summary = "Delete files of instances",
    .examples = "lxc file delete c1/tmp/old.log c1/tmp/older.log\n    Delete two files in c1.",
    .least = 1,
    .run = run_delete,
};
constinit const Command edit_command{
    .name = "edit",
    .arguments = "[<remote>:]<instance>/<path>",
    .summary = "Open an instance's file in an editor",
    .examples = "lxc file edit c1/etc/hosts\n    Edit c1's /etc/hosts with your own editor.",
    .least = 1,
    .most = 1,
    .run = run_edit,
};
constinit const Command pull_command{
    .name = "pull",
    .arguments = "[<remote>:]<instance>/<path> [[<remote>:]<instance>/<path>...] <target path>",
    .summary = "Copy files out of instances",
    .details = "A target of \"-\" is standard output.",
    .examples = "lxc file pull c1/etc/hosts .\n"
                "    Copy c1's /etc/hosts into this folder.\n\n"
                "lxc file pull -r c1/etc c1-etc\n"
                "    Copy a folder with everything in it.",
    .flags = pull_flags,
    .least = 2,
    .run = run_pull,
};
constinit const Command push_command{
    .name = "push",
    .arguments = "<source path>... [<remote>:]<instance>/<path>",
    .summary = "Copy files into an instance",
    .details =
        "A source of \"-\" is standard input. Owner and permissions are those of the source unless they are given.",
    .examples = "lxc file push hosts c1/etc/hosts\n"
                "    Replace c1's /etc/hosts.\n\n"
                "lxc file push -rp site c1/srv/www/\n"
                "    Copy a folder into another, which is made if it is missing.",
    .flags = push_flags,
    .least = 2,
    .run = run_push,
};

constinit const Command* const children[] = {&delete_command, &edit_command, &commands::file_mount, &pull_command,
                                             &push_command};

} // namespace

constinit const Command commands::file{
    .name = "file",
    .summary = "Files of instances",
    .children = children,
};

} // namespace client
