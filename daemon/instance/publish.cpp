#include "daemon/instance/publish.h"

#include <chrono>
#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/base/files.h"
#include "daemon/images/metadata.h"
#include "daemon/instance/image_files.h"
#include "daemon/instance/source.h"
#include "daemon/storage/compression.h"
#include "daemon/storage/tar_writer.h"
#include "schema/error.h"
#include "schema/values.h"

namespace instance {

namespace {

int64_t seconds(schema::Time time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

void check_kind(const schema::ImagesPostSource& source) {
    if (source.type.empty() || source.name.empty()) throw schema::failure("No source provided");
    const bool is_snapshot = source.name.find('/') != std::string::npos;
    if (source.type == "snapshot" && !is_snapshot) throw schema::failure("Not a snapshot");
    if (source.type != "snapshot" && is_snapshot) throw schema::failure("This is a snapshot");
}

/// What the image's metadata.yaml says, and whether that differs from the instance's own.
struct Description {
    schema::ImageMetadata metadata;
    std::optional<std::string> text; // nothing: there is none to be written anew
};

Description described(const schema::ImagesPost& post, const std::string& folder, const std::string& architecture) {
    auto own = ImageFiles(folder).metadata();
    const bool fresh = !own;
    Description description;
    description.metadata = std::move(own).value_or(schema::ImageMetadata());
    auto& metadata = description.metadata;
    if (fresh) {
        metadata.architecture = architecture;
        metadata.creation_date = seconds(std::chrono::system_clock::now());
    }
    if (post.wanted_properties) metadata.properties = post.wanted_properties;
    if (post.expires_at != schema::Time{}) metadata.expiry_date = seconds(post.expires_at);
    if (fresh || post.wanted_properties || post.expires_at != schema::Time{})
        description.text = images::metadata_yaml(metadata);
    return description;
}

void add_metadata(storage::TarWriter& writer, const Description& description, const std::string& folder) {
    constexpr const char* name = "metadata.yaml";
    if (description.text) return writer.add_file(name, *description.text, seconds(std::chrono::system_clock::now()));
    const auto top = base::checked(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), folder);
    const auto file = base::open_beneath(top.get(), name, O_RDONLY | O_NONBLOCK);
    struct stat status{};
    if (::fstat(file.get(), &status) < 0 || !S_ISREG(status.st_mode)) throw schema::failure("Bad metadata.yaml");
    writer.add_file(name, base::read_to_end(file.get()), status.st_mtim.tv_sec, status.st_mode & 0777);
}

void write_archive(const Source& source, const Description& description, const std::string& folder,
                   storage::TarWriter& writer) {
    add_metadata(writer, description, folder);
    const auto top = base::checked(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), folder);
    const auto root = base::open_beneath(top.get(), "rootfs", O_RDONLY | O_DIRECTORY);
    writer.add_tree({.name = "rootfs", .folder = root.get(), .shift = source.to_inside});
    if (base::exists(folder + "/templates")) {
        const auto templates = base::open_beneath(top.get(), "templates", O_RDONLY | O_DIRECTORY);
        writer.add_tree({.name = "templates", .folder = templates.get()});
    }
    writer.finish();
}

schema::Image image_of(const schema::ImagesPost& post, const Source& source, const schema::ImageMetadata& metadata) {
    schema::Image image;
    image.aliases = post.aliases;
    image.filename = post.filename;
    image.architecture = source.put.architecture;
    image.properties = metadata.properties.value_or(schema::Config());
    image.profiles = {"default"};
    image.auto_update = post.auto_update;
    // `lxc publish c1 public=true` asks for the same.
    image.is_public = post.is_public || schema::is_true(schema::get(image.properties, "public"));
    if (metadata.expiry_date != 0) image.expires_at = schema::Time(std::chrono::seconds(metadata.expiry_date));
    return image;
}

} // namespace

schema::Image publish(const schema::ImagesPost& post, const PublishRooms& rooms, const base::CancelToken& cancel,
                      const PackProgress& progress) {
    check_kind(post.source);
    const auto source = source_of(post.source.name, rooms.instances, state::Snapshots(rooms.database));
    source.check_stopped("Cannot export a running instance as an image");
    Description description;
    const auto write = [&](int file) {
        rooms.pools.read_container(source.pool, source.instance, source.snapshot, cancel, [&](const auto& folder) {
            description = described(post, folder, source.put.architecture);
            storage::compress(post.compression_algorithm, file, cancel, [&](const storage::ByteSink& sink) {
                uint64_t done = 0;
                const auto counted = [&](std::string_view bytes) {
                    sink(bytes);
                    done += bytes.size();
                    progress(done);
                };
                storage::TarWriter writer(counted, cancel, storage::keeps_holes(post.compression_algorithm));
                write_archive(source, description, folder, writer);
            });
        });
        source.check_stopped("The instance was started while it was published");
    };
    return rooms.images.publish(write, [&] { return image_of(post, source, description.metadata); }, cancel);
}

} // namespace instance
