// lxc export and lxc import: instances as files.

#include "client/commands/backup_file.h"
#include "client/commands/commands.h"
#include "client/instances.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag export_flags[] = {
    {"compression", 0, FlagKind::text, "How to compress it (bzip2|gzip|lzma|none|xz|zstd)"},
    {"instance-only", 0, FlagKind::toggle, "Leave the snapshots out"},
    {"optimized-storage", 0, FlagKind::toggle, "Write it as the pool's driver has it; only its like can read that"},
};
constexpr Flag import_flags[] = {{"storage", 's', FlagKind::text, "Storage pool for the instance"}};

int run_export(Session& session, Call& call) {
    const auto resource = session.resource(call.arguments[0]);
    const bool instance_only = call.flags.on("instance-only");
    auto request = Json::empty_object();
    request.set("container_only", instance_only).set("instance_only", instance_only);
    request.set("optimized_storage", call.flags.on("optimized-storage"));
    request.set("compression_algorithm", call.flags.text("compression"));
    export_backup(session, resource.server, instance_url(resource.name) + "/backups", std::move(request),
                  call.arguments.size() > 1 ? call.arguments[1] : "backup.tar.gz",
                  {.making = "Backing up instance: ",
                   .making_failed = "Create instance backup: ",
                   .fetch_failed = "Fetch instance backup file: "});
    return 0;
}

int run_import(Session& session, Call& call) {
    auto words = call.arguments;
    std::string remote;
    if (words.size() > 1 && words[0].ends_with(':')) {
        remote = words[0];
        words.erase(words.begin());
    }
    const auto resource = session.resource(remote);
    std::map<std::string, std::string> headers;
    if (const auto pool = call.flags.text("storage"); !pool.empty()) headers["X-LXD-pool"] = pool;
    if (words.size() > 1) headers["X-LXD-name"] = words[1];
    import_backup(session, resource.server, "/1.0/instances", words[0], headers, "Importing instance: ");
    return 0;
}

} // namespace

constinit const Command commands::export_instance{
    .name = "export",
    .arguments = "[<remote>:]<instance> [<target>]",
    .summary = "Write an instance with its snapshots into a file",
    .details = "Without a target the file is called backup.tar.gz. \"-\" stands for standard output.",
    .examples = "lxc export c1 c1.tar.gz\n"
                "    Write c1 into a file that \"lxc import\" reads, here or on another server.\n\n"
                "lxc export c1 - --compression none | zstd > c1.tar.zst\n"
                "    Hand it to another program.",
    .flags = export_flags,
    .least = 1,
    .most = 2,
    .run = run_export,
};

constinit const Command commands::import_instance{
    .name = "import",
    .arguments = "[<remote>:] <backup file> [<name>]",
    .summary = "Make an instance of a file that was exported",
    .details = "The instance has the name that it had, unless another is given. \"-\" stands for standard input.",
    .examples = "lxc import c1.tar.gz\n"
                "    Bring c1 back.\n\n"
                "lxc import c1.tar.gz c2 -s fast\n"
                "    Make it an instance \"c2\" in the pool \"fast\".",
    .flags = import_flags,
    .least = 1,
    .most = 3,
    .run = run_import,
};

} // namespace client
