// lxc publish: an image made of an instance or of a snapshot.

#include <optional>

#include "client/commands/commands.h"
#include "client/commands/image_aliases.h"
#include "client/instances.h"
#include "client/progress.h"
#include "client/session.h"
#include "client/settings.h"
#include "client/shapes.h"
#include "client/target.h"
#include "schema/error.h"
#include "schema/timestamp.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag flags[] = {
    {"alias", 0, FlagKind::texts, "Alias for the image; one that exists is moved to it"},
    {"compression", 0, FlagKind::text, "How to compress it (bzip2|gzip|lzma|none|squashfs|xz|zstd)"},
    {"expire", 0, FlagKind::text, "When the image may be removed: 2030-12-31T00:00:00Z"},
    {"force", 'f', FlagKind::toggle, "Stop a running instance for it, and start it again"},
    {"public", 0, FlagKind::toggle, "Let everybody download the image"},
};

bool is_running(const Json& instance) {
    const auto& code = instance["status_code"];
    return code.is_integer() && code != Json(0) && code != Json(102);
}

void set_ephemeral(const Resource& source, bool ephemeral) {
    const auto url = instance_url(source.name);
    const auto reply = source.server.get(url);
    auto instance = shaped(reply.metadata, shapes::instance_put);
    instance.set("ephemeral", ephemeral);
    source.server.wait(source.server.put(url, instance, reply.etag));
}

/// Keeps an instance stopped while it exists.
class Stopped {
public:
    Stopped(const Resource& source, bool is_ephemeral) : source_(source) {
        // An ephemeral one would be gone once it has stopped.
        if (is_ephemeral) set_ephemeral(source, false);
        try {
            change_state("stop");
        } catch (const schema::Error&) {
            throw schema::failure("Stopping instance failed!");
        }
        if (is_ephemeral) set_ephemeral(source, true);
    }
    ~Stopped() {
        try {
            change_state("start");
        } catch (const std::exception&) { // It was published; what it is now is for `lxc list` to say.
        }
    }
    Stopped(const Stopped&) = delete;
    Stopped& operator=(const Stopped&) = delete;

private:
    void change_state(const char* action) const {
        auto request = Json::empty_object();
        request.set("action", action).set("timeout", -1).set("force", true).set("stateful", false);
        source_.server.wait(source_.server.put(instance_url(source_.name) + "/state", request));
    }

    const Resource& source_;
};

std::map<std::string, std::string> properties_in(const std::vector<std::string>& words, size_t first) {
    std::map<std::string, std::string> properties;
    for (size_t i = first; i < words.size(); ++i) {
        std::string key;
        std::string value;
        if (!split_pair(words[i], key, value)) throw schema::bad_request("Bad key=value pair: [{}]", words[i]);
        properties[key] = value;
    }
    return properties;
}

std::string expiry(const std::string& text) {
    try {
        return schema::rfc3339(schema::parse_rfc3339(text));
    } catch (const schema::Error& error) {
        throw schema::bad_request("Invalid expiration date: {}", error.what());
    }
}

/// What the image is to be; everything on the command line is checked here.
Json image_request(const std::string& source, const Call& call, size_t first_property) {
    auto from = Json::empty_object();
    from.set("type", is_snapshot(source) ? "snapshot" : "instance").set("name", source);
    const auto properties = properties_in(call.arguments, first_property);
    auto request = Json::empty_object();
    request.set("compression_algorithm", call.flags.text("compression")).set("source", std::move(from));
    if (!properties.empty()) request.set("properties", properties);
    // The words public=true have always been documented; they mean the flag.
    const auto word = properties.find("public");
    const bool says_public = word != properties.end() && word->second == "true";
    request.set("public", call.flags.on("public") || says_public);
    if (call.flags.has("expire")) request.set("expires_at", expiry(call.flags.text("expire")));
    return request;
}

int run(Session& session, Call& call) {
    const auto& words = call.arguments;
    auto source = session.resource(words[0]);
    const bool names_target = words.size() > 1 && words[1].find('=') == std::string::npos;
    const auto target = session.remotes().resolve(names_target ? words[1] : "");
    if (source.name.empty()) throw schema::bad_request("Instance name is mandatory");
    if (!target.name.empty()) throw schema::bad_request("There is no \"image name\".  Did you want an alias?");
    if (target.remote != source.remote) {
        throw schema::bad_request(
            "Instances cannot be published on another server yet: \"{}\" and \"{}\" are different "
            "remotes",
            source.remote, target.remote);
    }

    Json instance;
    if (!is_snapshot(source.name)) instance = source.server.get(instance_url(source.name)).metadata;
    if (is_running(instance) && !call.flags.on("force")) {
        throw schema::bad_request("The instance is currently running. Use --force to have it stopped and restarted");
    }
    const auto request = image_request(source.name, call, names_target ? 2 : 1);
    std::optional<Stopped> stopped;
    if (is_running(instance)) stopped.emplace(source, instance["ephemeral"] == Json(true));

    Progress progress("Publishing instance: ", session.quiet());
    const auto operation = source.server.wait(source.server.post("/1.0/images", request), &progress);
    progress.done();
    const auto fingerprint = text_member(operation["metadata"], "fingerprint");
    ensure_aliases(source.server, call.flags.texts("alias"), fingerprint);
    print(fmt::format("Instance published with fingerprint: {}\n", fingerprint));
    return 0;
}

} // namespace

constinit const Command commands::publish{
    .name = "publish",
    .arguments = "[<remote>:]<instance>[/<snapshot>] [<remote>:] [key=value...]",
    .summary = "Make an image of an instance or of a snapshot",
    .details = "key=value adds properties to those that the instance's own image had. public=true does what --public\n"
               "does.",
    .examples = "lxc publish c1/before-upgrade --alias web-1.0\n"
                "    Make an image of a snapshot and call it \"web-1.0\".\n\n"
                "lxc publish c1 --force --compression zstd description=\"Our web server\"\n"
                "    Stop c1, make an image of it, and start it again.",
    .flags = flags,
    .least = 1,
    .run = run,
};

} // namespace client
