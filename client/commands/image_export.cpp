// lxc image export: an image's files on this machine.

#include <optional>

#include <sys/stat.h>

#include <fmt/format.h>

#include "client/commands/image_files.h"
#include "client/commands/multipart.h"
#include "client/images.h"
#include "client/new_file.h"
#include "client/progress.h"
#include "client/session.h"
#include "client/target.h"
#include "schema/error.h"

namespace client {

namespace {

constexpr Flag flags[] = {{"vm", 0, FlagKind::toggle, "Look among the images of virtual machines"}};

bool is_folder(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// The path with what a name has after its first dot (".tar.gz"), unless it ends so already.
std::string with_ending(const std::string& path, const std::string& name) {
    const auto dot = name.find('.');
    const auto ending = dot == std::string::npos ? std::string() : name.substr(dot);
    return path.ends_with(ending) ? path : path + ending;
}

/// What comes from the server, written beside the target until it is complete.
class Download {
public:
    explicit Download(const std::string& path) : metadata_(path) {}

    /// Takes the head of the answer and returns what takes its body.
    Sink begin(const HttpResponse& head, Progress& progress) {
        Sink content;
        const auto& type = head.header("content-type");
        if (type.starts_with("multipart/form-data")) {
            reader_.emplace(header_parameter(type, "boundary"), [this](const auto& part) { return open(part); });
            content = [this](std::string_view data) { reader_->feed(data); };
        } else {
            metadata_name_ = header_parameter(head.header("content-disposition"), "filename");
            if (metadata_name_.empty()) throw schema::failure("No filename in Content-Disposition header");
            content = [this](std::string_view data) { metadata_.write(data); };
        }
        return [this, &progress, content = std::move(content), length = head.length](std::string_view data) {
            content(data);
            received_ += static_cast<int64_t>(data.size());
            progress.show_bytes(received_, length);
        };
    }

    /// Gives the files the names that the server has for them where `target` is a folder, else the target's.
    void keep(const std::string& target, bool target_given) {
        if (reader_) reader_->finish();
        const bool into_folder = is_folder(target);
        if (into_folder) {
            metadata_.keep_as(metadata_name_.empty() ? metadata_.path() : join_path(target, base_name(metadata_name_)));
        } else if (!root_ && target_given) {
            metadata_.keep_as(with_ending(metadata_.path(), metadata_name_));
        } else {
            metadata_.keep_as(metadata_.path());
        }
        if (root_) {
            const bool renamed = into_folder && !root_name_.empty();
            root_->keep_as(renamed ? join_path(target, base_name(root_name_)) : root_->path());
        }
    }

private:
    Sink open(const MultipartReader::Part& part) {
        if (part.name == "metadata") {
            metadata_name_ = part.filename;
            return [this](std::string_view data) { metadata_.write(data); };
        }
        if (part.name != "rootfs" && part.name != "rootfs.img") throw schema::failure("Invalid multipart image");
        root_name_ = part.filename;
        root_.emplace(metadata_.path() + ".root");
        return [this](std::string_view data) { root_->write(data); };
    }

    NewFile metadata_;
    std::optional<NewFile> root_;
    std::string metadata_name_;
    std::string root_name_;
    std::optional<MultipartReader> reader_;
    int64_t received_ = 0;
};

int run(Session& session, Call& call) {
    const auto resource = session.resource(call.arguments[0]);
    const auto fingerprint =
        image_fingerprint(resource.server, resource.name, call.flags.on("vm") ? "virtual-machine" : "");
    const std::string target = call.arguments.size() > 1 ? call.arguments[1] : ".";
    Download download(is_folder(target) ? join_path(target, fingerprint) : target);
    Progress progress("Exporting the image: ", session.quiet());
    const HttpRequest request{.target = image_url(fingerprint) + "/export"};
    const auto response = resource.server.connection().send(request, [&](const HttpResponse& head) -> Sink {
        return head.status == 200 ? download.begin(head, progress) : Sink{};
    });
    if (response.status != 200) throw_error(request, response);
    download.keep(target, call.arguments.size() > 1);
    progress.done("Image exported successfully!");
    return 0;
}

} // namespace

constinit const Command commands::image_export{
    .name = "export",
    .arguments = "[<remote>:]<image> [<target>]",
    .summary = "Write an image into files",
    .details = "The target is a folder (without one this folder), or the name of the file to write.",
    .examples = "lxc image export debian /srv/images/\n"
                "    Write the image's files into a folder.\n\n"
                "lxc image export web-1.0 web-1.0.tar.gz\n"
                "    Write an image of one file.",
    .flags = flags,
    .least = 1,
    .most = 2,
    .run = run,
};

} // namespace client
