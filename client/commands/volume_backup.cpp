// lxc storage volume export and import: custom volumes as files.

#include "client/commands/backup_file.h"
#include "client/commands/object.h"
#include "client/commands/volume.h"
#include "client/extensions.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag export_flags[] = {
    {"compression", 0, FlagKind::text, "How to compress it (bzip2|gzip|lzma|none|xz|zstd)"},
    {"optimized-storage", 0, FlagKind::toggle, "Write it as the pool's driver has it; only its like can read that"},
    member_flag,
    {"volume-only", 0, FlagKind::toggle, "Leave the snapshots out"},
};
constexpr Flag import_flags[] = {member_flag};

int run_export(Session& session, Call& call) {
    const auto pool = named_pool(session, call);
    refuse_member(call);
    const auto volume = volume_name(call.arguments[1]);
    if (volume.type != "custom") throw schema::bad_request("Only \"custom\" volumes can be exported");
    require_extension(pool.server, "custom_volume_backup");
    auto request = Json::empty_object();
    request.set("volume_only", call.flags.on("volume-only"));
    request.set("optimized_storage", call.flags.on("optimized-storage"));
    request.set("compression_algorithm", call.flags.text("compression"));
    export_backup(session, pool.server, volume_url(pool.name, volume) + "/backups", std::move(request),
                  call.arguments.size() > 2 ? call.arguments[2] : "backup.tar.gz",
                  {.making = "Backing up storage volume: ",
                   .making_failed = "Failed to create storage volume backup: ",
                   .fetch_failed = "Failed to fetch storage volume backup file: "});
    return 0;
}

int run_import(Session& session, Call& call) {
    const auto pool = named_pool(session, call);
    refuse_member(call);
    require_extension(pool.server, "custom_volume_backup");
    std::map<std::string, std::string> headers;
    if (call.arguments.size() > 2) headers["X-LXD-name"] = call.arguments[2];
    import_backup(session, pool.server, volumes_url(pool.name, "custom"), call.arguments[1], headers,
                  "Importing custom volume: ");
    return 0;
}

} // namespace

constinit const Command commands::volume_export{
    .name = "export",
    .arguments = "[<remote>:]<pool> <volume> [<target>]",
    .summary = "Write a custom volume with its snapshots into a file",
    .details = "Without a target the file is called backup.tar.gz. \"-\" stands for standard output.",
    .examples = "lxc storage volume export default data data.tar.gz\n"
                "    Write the volume into a file that \"lxc storage volume import\" reads.",
    .flags = export_flags,
    .least = 2,
    .most = 3,
    .run = run_export,
};

constinit const Command commands::volume_import{
    .name = "import",
    .arguments = "[<remote>:]<pool> <backup file> [<new-volume>]",
    .summary = "Make a custom volume of a file that was exported",
    .details = "The volume has the name that it had, unless another is given. \"-\" stands for standard input.",
    .examples = "lxc storage volume import default data.tar.gz restored\n"
                "    Make a volume \"restored\" of what was exported.",
    .flags = import_flags,
    .least = 2,
    .most = 3,
    .run = run_import,
};

} // namespace client
