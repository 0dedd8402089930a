// lxc image import: a tarball, a metadata tarball with a root file system beside it, or a folder.

#include <random>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "client/commands/image_aliases.h"
#include "client/commands/image_files.h"
#include "client/local_files.h"
#include "client/progress.h"
#include "client/session.h"
#include "client/settings.h"
#include "client/target.h"
#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/base/process.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag flags[] = {
    {"alias", 0, FlagKind::texts, "Alias for the image; one that exists is moved to it"},
    {"public", 0, FlagKind::toggle, "Let everybody download the image"},
};

/// What the words of the command line are.
struct Words {
    std::string metadata;
    std::string root; // empty: a unified image
    std::string remote;
    std::map<std::string, std::string> properties;
};

std::string trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return "";
    return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

Words sorted_out(const Session& session, const std::vector<std::string>& arguments) {
    Words words;
    for (const auto& word : arguments) {
        std::string key;
        std::string value;
        if (split_pair(word, key, value) && !base::exists(word)) {
            words.properties[trimmed(key)] = trimmed(value);
        } else if (word.ends_with(':')) {
            words.remote = session.remotes().resolve(word).remote;
        } else if (words.metadata.empty()) {
            words.metadata = word;
        } else {
            words.root = word;
        }
    }
    if (words.metadata.empty()) words.metadata = arguments[0];
    if (words.remote.empty()) words.remote = session.remotes().default_name();
    return words;
}

base::Fd opened(const std::string& path) {
    base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) fail("open", path);
    return file;
}

int64_t size_of(const base::Fd& file) {
    struct stat status{};
    return ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) ? status.st_size : -1;
}

bool is_folder(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// A folder with metadata.yaml, rootfs and templates, packed; the file has no name and is gone when it is closed.
base::Fd packed(const std::string& folder) {
    if (::geteuid() != 0) throw schema::forbidden("Must run as root to import from directory");
    auto file = base::checked(::open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), "create in /var/tmp");
    base::Command tar{.argv = {"tar", "--numeric-owner", "--xattrs", "-cJ", "rootfs", "metadata.yaml"},
                      .fds = {{file.get(), STDOUT_FILENO}, {STDERR_FILENO, STDERR_FILENO}},
                      .directory = folder};
    if (is_folder(join_path(folder, "templates"))) tar.argv.emplace_back("templates");
    const auto exit = base::Process::spawn(tar).wait();
    if (!exit.ok()) throw schema::failure("Failed packing {}: tar exited with {}", folder, exit.code);
    ::lseek(file.get(), 0, SEEK_SET);
    return file;
}

std::string random_boundary() {
    std::random_device random;
    std::string boundary;
    for (int i = 0; i < 4; ++i) boundary += fmt::format("{:08x}", random());
    return boundary;
}

/// The files as a request's body.
class Upload {
public:
    explicit Upload(const Words& words) {
        if (is_folder(words.metadata)) {
            metadata_ = packed(words.metadata);
        } else {
            metadata_ = opened(words.metadata);
        }
        if (!words.root.empty()) root_ = opened(words.root);
    }

    void put_into(HttpRequest& request, const Words& words) const {
        if (!root_) {
            request.headers["Content-Type"] = "application/octet-stream";
            request.body.push_back({.fd = metadata_.get(), .size = size_of(metadata_)});
            return;
        }
        const auto boundary = random_boundary();
        request.headers["Content-Type"] = "multipart/form-data; boundary=" + boundary;
        const auto head = [&](std::string_view name, const std::string& path) {
            return fmt::format("--{}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\n"
                               "Content-Type: application/octet-stream\r\n\r\n",
                               boundary, name, base_name(path));
        };
        request.body.push_back(
            {.text = head("metadata", words.metadata), .fd = metadata_.get(), .size = size_of(metadata_)});
        request.body.push_back(
            {.text = "\r\n" + head(root_name(), words.root), .fd = root_.get(), .size = size_of(root_)});
        request.body.push_back({.text = fmt::format("\r\n--{}--\r\n", boundary)});
    }

    int64_t size() const {
        const auto metadata = size_of(metadata_);
        const auto root = root_ ? size_of(root_) : 0;
        return metadata < 0 || root < 0 ? -1 : metadata + root;
    }

private:
    /// A disk image makes it a virtual machine's.
    std::string_view root_name() const {
        char magic[4] = {};
        if (::pread(root_.get(), magic, sizeof magic, 0) != sizeof magic) return "rootfs";
        return std::string_view(magic, sizeof magic) == "QFI\xfb" ? "rootfs.img" : "rootfs";
    }

    base::Fd metadata_;
    base::Fd root_;
};

Reply upload(Session& session, Server& server, const Words& words, bool is_public, Progress& progress) {
    const Upload files(words);
    HttpRequest request{.method = "POST", .target = "/1.0/images"};
    files.put_into(request, words);
    request.headers["X-LXD-filename"] = base_name(words.metadata);
    if (is_public) request.headers["X-LXD-public"] = "true";
    std::vector<std::string> properties;
    properties.reserve(words.properties.size());
    for (const auto& [key, value] : words.properties) {
        properties.push_back(query_escape(key) + "=" + query_escape(value));
    }
    if (!properties.empty()) request.headers["X-LXD-properties"] = join(properties, "&");
    if (!session.quiet()) {
        request.on_sent = [&, size = files.size()](int64_t sent) { progress.show_bytes(sent, size); };
    }
    return server.send(request);
}

/// The server fetches the image from a URL itself.
Reply fetch(Server& server, const Words& words, bool is_public) {
    auto source = Json::empty_object();
    source.set("type", "url").set("mode", "pull").set("protocol", "direct").set("url", words.metadata);
    auto image = Json::empty_object();
    image.set("public", is_public).set("properties", words.properties).set("source", std::move(source));
    return server.post("/1.0/images", image);
}

int run(Session& session, Call& call) {
    const auto words = sorted_out(session, call.arguments);
    auto& server = session.server(words.remote);
    if (words.metadata.starts_with("http://")) {
        throw schema::bad_request("Only https:// is supported for remote image import");
    }
    Progress progress("Transferring image: ", session.quiet());
    const bool is_public = call.flags.on("public");
    const auto reply = words.metadata.starts_with("https://") ? fetch(server, words, is_public)
                                                              : upload(session, server, words, is_public, progress);
    const auto fingerprint = text_member(server.wait(reply, nullptr)["metadata"], "fingerprint");
    progress.done("Image imported with fingerprint: " + fingerprint);
    ensure_aliases(server, call.flags.texts("alias"), fingerprint);
    return 0;
}

} // namespace

constinit const Command commands::image_import{
    .name = "import",
    .arguments = "<tarball>|<directory>|<URL> [<rootfs tarball>] [<remote>:] [key=value...]",
    .summary = "Make an image of files",
    .details =
        "An image is one tarball, or a tarball with the metadata and another (or a squashfs) with the root file\n"
        "system. Folders can only be imported by root. key=value adds properties.",
    .examples = "lxc image import debian.tar.xz --alias debian\n"
                "    Import an image and call it \"debian\".\n\n"
                "lxc image import meta.tar.xz rootfs.squashfs description=\"My image\"\n"
                "    Import an image of two files.",
    .flags = flags,
    .least = 1,
    .run = run,
};

} // namespace client
