// lxc image copy and refresh: images that come from other servers.

#include "client/commands/commands.h"
#include "client/commands/image_files.h"
#include "client/images.h"
#include "client/progress.h"
#include "client/session.h"
#include "client/target.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag copy_flags[] = {
    {"alias", 0, FlagKind::texts, "Alias for the copy; one that exists is moved to it"},
    {"auto-update", 0, FlagKind::toggle, "Keep the copy up to date"},
    {"copy-aliases", 0, FlagKind::toggle, "Give the copy the source's aliases"},
    {"mode", 0, FlagKind::text, "How it gets there (pull, push or relay)", "pull"},
    {"public", 0, FlagKind::toggle, "Let everybody download the copy"},
    {"target-project", 0, FlagKind::text, "Project to copy to"},
    {"vm", 0, FlagKind::toggle, "Look among the images of virtual machines"},
};

int run_copy(Session& session, Call& call) {
    if (call.flags.text("mode") != "pull" && call.flags.on("auto-update")) {
        throw schema::bad_request("Auto update is only available in pull mode");
    }
    const auto source = session.remotes().resolve(call.arguments[0]);
    const auto target = session.remotes().resolve(call.arguments[1]);
    if (!target.name.empty()) throw schema::bad_request("Can't provide a name for the target image");
    if (source.remote == target.remote) {
        auto& server = session.server(source.remote);
        server.get(image_url(image_fingerprint(server, source.name))); // What is not there is the first thing to say.
        throw schema::bad_request("The source and target servers must be different");
    }
    throw schema::bad_request("Images cannot be copied from \"{0}\" to \"{1}\" yet. To do it by hand: lxc image export "
                              "{0}:{2} FILE, then lxc image import FILE {1}:",
                              source.remote, target.remote, source.name);
}

int run_refresh(Session& session, Call& call) {
    for (const auto& word : call.arguments) {
        const auto resource = session.named(word, "Image identifier missing");
        Progress progress("Refreshing the image: ", session.quiet());
        const auto url = image_url(image_fingerprint(resource.server, resource.name)) + "/refresh";
        const auto operation = resource.server.wait(resource.server.call("POST", url), &progress);
        progress.done(operation["metadata"]["refreshed"] == Json(true) ? "Image refreshed successfully!"
                                                                       : "Image already up to date.");
    }
    return 0;
}

} // namespace

constinit const Command commands::image_copy{
    .name = "copy",
    .aliases = "cp",
    .arguments = "[<remote>:]<image> <remote>:",
    .summary = "Bring an image to another server",
    .details = "Only servers on this machine can be reached so far, and an image is on its own server already.",
    .examples = "lxc image copy images:debian/12 local: --alias debian\n    Fetch an image and call it \"debian\".",
    .flags = copy_flags,
    .least = 2,
    .most = 2,
    .run = run_copy,
};

constinit const Command commands::image_refresh{
    .name = "refresh",
    .arguments = "[<remote>:]<image> [[<remote>:]<image>...]",
    .summary = "Fetch images again where they have changed",
    .details = "An image that came from another server is fetched from there again if it has changed.",
    .examples = "lxc image refresh debian\n    Bring the image \"debian\" up to date.",
    .least = 1,
    .run = run_refresh,
};

} // namespace client
