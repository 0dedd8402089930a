#include "test/fuzz/targets.h"

#include <algorithm>
#include <memory>

#include <sys/mman.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/http/target.h"
#include "daemon/images/media_type.h"
#include "daemon/images/metadata.h"
#include "daemon/images/multipart.h"
#include "daemon/images/query.h"
#include "daemon/instance/pumps.h"
#include "daemon/resources/id_names.h"
#include "daemon/resources/resources.h"
#include "daemon/storage/entry_rules.h"
#include "daemon/storage/optimized_header.h"
#include "daemon/storage/send_stream.h"
#include "daemon/storage/tar_reader.h"
#include "schema/api/backup.h"
#include "schema/api/console.h"
#include "schema/api/image.h"
#include "schema/api/image_metadata.h"
#include "schema/api/instance.h"
#include "schema/api/profile.h"
#include "schema/api/storage.h"
#include "schema/filter.h"
#include "test/fuzz/claims.h"
#include "test/fuzz/rooms.h"
#include "test/unit/http/running_server.h"

namespace fuzz {

namespace {

void json(std::string_view input) {
    may_refuse([&] {
        const auto value = schema::Json::parse(input);
        const auto text = value.dump();
        require(schema::Json::parse(text).dump() == text, "what is written is read as the same");
        may_refuse([&] { schema::field_value(value, "a.b.c"); });
        // Of a control message.
        instance::number_in(value["args"], "width");
        instance::number_in(value, "signal");
    });
}

/// What clients send: each of these reads any JSON, or refuses it.
void api_objects(std::string_view input) {
    may_refuse([&] {
        const auto value = schema::Json::parse(input);
        may_refuse([&] { schema::image_alias_from(value); });
        may_refuse([&] { schema::image_metadata_from(value); });
        may_refuse([&] { schema::image_put_from(value); });
        may_refuse([&] { schema::instance_console_post_from(value); });
        may_refuse([&] { schema::instance_exec_post_from(value); });
        may_refuse([&] { schema::instance_put_from(value); });
        may_refuse([&] { schema::instance_state_put_from(value); });
        may_refuse([&] { schema::instances_post_from(value); });
        may_refuse([&] { schema::profile_put_from(value); });
        may_refuse([&] { schema::storage_pool_put_from(value); });
    });
}

/// index.yaml of a backup and backup.yaml of a volume: what was read is written, and read as the same.
void backups(std::string_view input) {
    const std::string text(input);
    may_refuse([&] {
        const auto index = schema::backup_index_from_yaml(text);
        const auto written = schema::index_yaml(index);
        require(schema::index_yaml(schema::backup_index_from_yaml(written)) == written, "an index is read as it was");
    });
    may_refuse([&] { schema::backup_config_from_yaml(text); });
}

void image_metadata(std::string_view input) {
    may_refuse([&] { images::parse_metadata(std::string(input)); });
    may_refuse([&] {
        const auto rewritten = [](const std::string& yaml) {
            return images::metadata_yaml(images::read_metadata(yaml));
        };
        const auto text = rewritten(rewritten(std::string(input))); // what is no UTF-8 is lost at first
        require(rewritten(text) == text, "metadata is read as it was written");
    });
}

/// The first line is the boundary; the rest comes in pieces of changing size.
void multipart(std::string_view input) {
    const auto line = std::min(input.find('\n'), input.size());
    const auto boundary = input.substr(0, line);
    auto rest = input.substr(std::min(line + 1, input.size()));
    size_t step = 1;
    const images::ByteSource source = [&](char* buffer, size_t size) {
        step = step * 7 % 61 + 1;
        const auto count = rest.copy(buffer, std::min(size, step));
        rest.remove_prefix(count);
        return count;
    };
    may_refuse([&] {
        images::MultipartReader reader(source, boundary);
        char buffer[37];
        while (reader.next_part())
            while (reader.read(buffer, sizeof buffer) > 0) {
            }
    });
}

/// Compressed or not, as libarchive finds it.
void tar(std::string_view input) {
    const auto file = base::checked(::memfd_create("tar", MFD_CLOEXEC), "memfd_create");
    base::write_all(file.get(), input);
    may_refuse([&] {
        storage::TarReader reader("/proc/self/fd/" + std::to_string(file.get()), {});
        storage::EntryRules rules;
        storage::TarEntry entry;
        while (reader.next(entry)) {
            const auto path = "/" + rules.check(entry) + "/";
            require(path.find("/../") == std::string::npos, "no path leads out");
            storage::TarReader::Block block;
            while (reader.next_block(block)) require(block.data != nullptr || block.size == 0, "blocks have data");
        }
    });
}

/// One or more, as volumes with nested subvolumes have them.
void btrfs_stream(std::string_view input) {
    const auto file = base::checked(::memfd_create("stream", MFD_CLOEXEC), "memfd_create");
    base::write_all(file.get(), input);
    ::lseek(file.get(), 0, SEEK_SET);
    may_refuse([&] {
        storage::send_stream::Reader reader(file.get());
        while (reader.begin())
            for (auto step = reader.next(); step.command != storage::send_stream::Command::end; step = reader.next())
                may_refuse([&] { step.number(storage::send_stream::Field::offset); });
    });
    may_refuse([&] { storage::send_stream::fields_of(input); });
}

/// Of a backup of btrfs volumes: what was read is written, and read as the same.
void optimized_header(std::string_view input) {
    const std::string text(input);
    may_refuse([&] {
        const std::vector<std::string> snapshots{"s0"};
        const auto found = storage::optimized_header_from(text, snapshots);
        for (const auto& subvolume : found)
            require(("/" + subvolume.path + "/").find("/../") == std::string::npos, "no path leads out");
        require(storage::optimized_header_from(storage::optimized_header(found), snapshots) == found,
                "a header is read as it was");
    });
}

void filter(std::string_view input) {
    static const auto object =
        schema::Json::parse(R"({"name":"c1","config":{"user.a":"b"},"n":1,"list":["x"],"t":true})");
    may_refuse([&] { schema::Filter::parse(input).matches(object); });
}

void request_target(std::string_view input) {
    may_refuse([&] { http::decoded_path(input); });
    may_refuse([&] { http::decoded_query(input); });
    if (input.find('\0') == std::string_view::npos)
        require(http::decoded_path(http::encoded_segment(input)) == input, "a segment is decoded to what it was");
    images::parse_properties(input);
    images::parse_media_type(input);
}

/// What firmware and hardware lists say.
void hardware(std::string_view input) {
    resources::parse_vpd(input);
    resources::parse_dmi_processor(input);
    const resources::IdNames names{std::string(input)};
    names.product("1af4", "1041");
    names.usb_subclass(3, 1);
}

http::Response echo(const http::Request& request) {
    if (request.stream) {
        char buffer[4096];
        while (request.stream->read(buffer, sizeof buffer) > 0) {
        }
    }
    http::Response response;
    if (request.path == "/socket")
        response.body = http::Response::Upgrade{[](const std::shared_ptr<http::WebSocket>& socket) {
            while (const auto message = socket->receive())
                if (!socket->send(message->kind, message->data)) break;
        }};
    else
        response.body = request.method + request.path + request.body;
    return response;
}

http_test::RunningServer& server() {
    static http_test::RunningServer running(echo);
    return running;
}

/// A connection's bytes, up to its end.
void connection(std::string_view input) {
    auto client = server().connect();
    client.try_send(input);
    client.shut_down_writing();
    client.read_to_end();
}

/// What a client sends over a websocket once it is one.
void websocket(std::string_view input) {
    connection("GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n" +
               std::string(input));
}

constexpr Target table[] = {
    {"api_objects", api_objects},
    {"btrfs_stream", btrfs_stream},
    {"backups", backups},
    {"client_multipart", client_multipart},
    {"client_yaml", client_yaml},
    {"connection", connection},
    {"device_options", device_options},
    {"files_request", files_request},
    {"filter", filter},
    {"frames", frames},
    {"hardware", hardware},
    {"id_maps", id_maps},
    {"image_metadata", image_metadata},
    {"instance_config", instance_config},
    {"intercepted_calls", intercepted_calls},
    {"json", json},
    {"key_values", key_values},
    {"multipart", multipart},
    {"optimized_header", optimized_header},
    {"raw_lxc", raw_lxc},
    {"request_target", request_target},
    {"schedules", schedules},
    {"seccomp_rules", seccomp_rules},
    {"sftp", sftp},
    {"tar", tar},
    {"templates", templates},
    {"units", units},
    {"websocket", websocket},
};

} // namespace

std::span<const Target> targets() {
    return table;
}

const Target* find_target(std::string_view name) {
    const auto found =
        std::find_if(std::begin(table), std::end(table), [&](const auto& row) { return row.name == name; });
    return found == std::end(table) ? nullptr : found;
}

} // namespace fuzz
