#include "daemon/api/handlers/handlers.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <latch>
#include <thread>

#include "daemon/api/instance_view.h"
#include "daemon/api/respond.h"
#include "schema/architectures.h"
#include "schema/error.h"
#include "schema/filter.h"
#include "schema/instance_type.h"
#include "schema/names.h"
#include "schema/values.h"

namespace api {

using schema::Json;

namespace {

/// "/1.0/containers" for a request that came that way, so that its answers stay in the family it knows.
std::string family(const http::Request& request) {
    return request.path.starts_with("/1.0/containers") ? "/1.0/containers" : "/1.0/instances";
}

operations::Spec task(const char* description, const std::string& name, const http::Request& request) {
    operations::Spec spec;
    spec.description = description;
    spec.resources["instances"] = {"/1.0/instances/" + name};
    spec.requestor = requestor(request);
    return spec;
}

instance::Caller caller(operations::Operation& operation) {
    return {operation.requestor(), operation.cancel_token(),
            [&operation](const std::string& text) { operation.set_progress("container_progress", text); }};
}

storage::Progress progress_of(operations::Operation& operation) {
    return [&operation](int percent) { operation.set_progress("fs_progress", fmt::format("{}%", percent)); };
}

bool has_properties(const schema::Image& image, const schema::Config& wanted) {
    return std::all_of(wanted.begin(), wanted.end(),
                       [&](const auto& row) { return schema::get(image.properties, row.first) == row.second; });
}

/// The newest image with these properties.
schema::Image image_with(Context& context, const schema::Config& properties) {
    std::optional<schema::Image> newest;
    for (auto& image : context.images.list())
        if (has_properties(image, properties) && (!newest || newest->created_at <= image.created_at))
            newest = std::move(image);
    if (!newest) throw schema::failure("No matching image could be found");
    return *std::move(newest);
}

std::optional<schema::Image> source_image(Context& context, const schema::InstanceSource& source) {
    if (source.type == "none") return {};
    if (source.type == "migration")
        throw schema::Error(schema::ErrorKind::not_implemented, "Instances cannot be received from other servers yet");
    if (source.type != "image") throw schema::bad_request("Unknown source type {}", source.type);
    if (!source.server.empty())
        throw schema::Error(schema::ErrorKind::not_implemented,
                            "Images of other servers cannot be used yet: import the image first");
    if (!source.fingerprint.empty()) {
        try {
            return context.images.get(source.fingerprint);
        } catch (const schema::Error& error) {
            if (error.kind() != schema::ErrorKind::not_found) throw;
            return {}; // the operation says so
        }
    }
    if (!source.alias.empty()) return context.images.get(context.images.alias(source.alias).target);
    if (!source.properties.empty()) return image_with(context, source.properties);
    throw schema::failure("Must specify one of alias, fingerprint or properties for init from image");
}

/// LXD says so at once, not in the operation.
void check_profiles(Context& context, const std::vector<std::string>& names) {
    for (const auto& name : names)
        if (!context.profiles.find(name)) throw schema::not_found("Profile not found");
}

/// As LXD: one that it does not know changes nothing.
void keep_known_architecture(schema::InstancePut& wanted, const std::string& present) {
    try {
        wanted.architecture = schema::canonical_architecture(wanted.architecture);
    } catch (const schema::Error&) {
        wanted.architecture = present;
    }
}

/// Whether instances of the asked type are listed; throws LXD's text for a type that there is not.
bool lists_containers(const http::Request& request) {
    const auto& type = request.parameter("instance-type");
    if (type.empty() || type == "container" || family(request) == "/1.0/containers") return true;
    if (type != "virtual-machine") throw schema::failure("Invalid instance type");
    return false;
}

void apply_instance_type(schema::InstancesPost& post) {
    if (post.instance_type.empty()) return;
    for (const auto& [key, value] : schema::limits_of_instance_type(post.instance_type))
        if (auto& present = post.config[key]; present.empty()) present = value;
}

using Instances = std::vector<std::shared_ptr<instance::Instance>>;

/// Every whole instance is a dozen questions to the kernel: a second thread is worth its start from this many on.
constexpr size_t instances_worth_a_thread = 16;

/// The JSON texts of those that the filter lets through.
std::vector<std::string> rendered_all(Context& context, const Instances& instances, int recursion,
                                      const std::function<bool(const Json&)>& wanted) {
    std::vector<std::string> texts(instances.size());
    KeptByInstance kept;
    if (recursion >= 2) kept = kept_by_instance(context);
    static const Kept none;
    const auto rendered = [&](const instance::Instance& instance) {
        if (recursion < 2) return to_json(instance_view(context, instance));
        const auto own = kept.find(instance.record()->row.name);
        return full_instance_json(context, instance, own == kept.end() ? none : own->second);
    };
    std::atomic<size_t> next = 0;
    const auto render = [&] {
        for (auto index = next++; index < instances.size(); index = next++)
            if (const auto json = rendered(*instances[index]); wanted(json)) texts[index] = json.dump();
    };
    std::vector<std::future<void>> others; // each waits for its thread when it goes
    const auto useful = recursion >= 2 ? instances.size() / instances_worth_a_thread : 0;
    const size_t processors = std::max(1U, std::thread::hardware_concurrency());
    for (auto left = std::min(useful, processors - 1); left > 0; --left)
        others.push_back(std::async(std::launch::async, render));
    render();
    for (auto& other : others) other.get();
    std::erase(texts, "");
    return texts;
}

struct StateAction {
    std::string_view name;
    const char* description;
    void (*run)(Context&, const std::string&, int timeout, const instance::Caller&);
    /// Whether an order for all instances is for one that is in this state.
    bool (*concerns)(schema::Status);
};

bool runs(schema::Status status) {
    return status == schema::Status::running || status == schema::Status::ready;
}
bool is_stopped(schema::Status status) {
    return status == schema::Status::stopped;
}
bool is_frozen(schema::Status status) {
    return status == schema::Status::frozen;
}
bool is_up(schema::Status status) {
    return !is_stopped(status);
}

constexpr StateAction state_actions[] = {
    {"start", "Starting instance",
     [](Context& c, const std::string& name, int, const instance::Caller& by) { c.lifecycle.start(name, by); },
     is_stopped},
    {"stop", "Stopping instance",
     [](Context& c, const std::string& name, int timeout, const instance::Caller& by) {
         c.lifecycle.stop(name, timeout, by);
     },
     is_up},
    {"restart", "Restarting instance",
     [](Context& c, const std::string& name, int timeout, const instance::Caller& by) {
         c.lifecycle.restart(name, timeout, by);
     },
     is_up},
    {"freeze", "Freezing instance",
     [](Context& c, const std::string& name, int, const instance::Caller& by) { c.lifecycle.freeze(name, by); }, runs},
    {"unfreeze", "Unfreezing instance",
     [](Context& c, const std::string& name, int, const instance::Caller& by) { c.lifecycle.unfreeze(name, by); },
     is_frozen},
};

const StateAction& state_action(const schema::InstanceStatePut& put) {
    if (put.stateful)
        throw schema::Error(schema::ErrorKind::not_implemented, "Stateful start and stop are not available yet");
    const auto* found = std::find_if(std::begin(state_actions), std::end(state_actions),
                                     [&](const StateAction& action) { return action.name == put.action; });
    if (found == std::end(state_actions)) throw schema::bad_request("Unknown action: '{}'", put.action);
    return *found;
}

/// All at once; throws LXD's list of those where it failed.
void change_all(Context& context, const StateAction& action, const std::vector<std::string>& names, int timeout,
                operations::Operation& operation) {
    std::vector<std::string> failures(names.size());
    std::latch left(static_cast<std::ptrdiff_t>(names.size()));
    for (size_t index = 0; index < names.size(); ++index) {
        context.workers.run([&, index] {
            try {
                action.run(context, names[index], timeout, caller(operation));
            } catch (const std::exception& error) {
                failures[index] = error.what();
            }
            left.count_down();
        });
    }
    left.wait();
    std::string text;
    for (size_t index = 0; index < names.size(); ++index)
        if (!failures[index].empty()) text += fmt::format(" - Instance: {}: {}\n", names[index], failures[index]);
    if (!text.empty()) throw schema::failure("The following instances failed to update state:\n{}", text);
}

} // namespace

http::Response instances_get(Context& context, const http::Request& request) {
    const auto depth = recursion(request);
    const auto& filter_text = request.parameter("filter");
    const auto filter = schema::Filter::parse(filter_text);
    if (schema::is_true(request.parameter("all-projects")) && !request.parameter("project").empty())
        throw schema::bad_request("Cannot specify a project when requesting all projects");
    const auto instances = lists_containers(request) ? context.instances.list() : Instances();
    const auto wanted = [&](const Json& json) { return filter_text.empty() || filter.matches(json); };
    if (depth > 0) return sync_list(rendered_all(context, instances, depth, wanted));
    auto urls = Json::empty_array();
    for (const auto& instance : instances)
        if (filter_text.empty() || wanted(to_json(instance_view(context, *instance))))
            urls.push_back(family(request) + "/" + instance->record()->row.name);
    return sync(std::move(urls));
}

http::Response instances_post(Context& context, const http::Request& request) {
    if (request.header("Content-Type") == "application/octet-stream") return instance_from_backup(context, request);
    auto post = schema::instances_post_from(json_body(request));
    apply_instance_type(post);
    if (!request.parameter("target").empty()) throw schema::bad_request("Target only allowed when clustered");
    const bool copies = post.source.type == "copy";
    auto creation =
        copies ? context.lifecycle.check_copy(post) : context.lifecycle.check(post, source_image(context, post.source));
    auto spec = task("Creating instance", creation.name, request);
    spec.may_cancel = copies;
    if (copies) spec.resources["instances"].push_back("/1.0/instances/" + creation.source);
    spec.run = [&context, creation = std::move(creation), type = post.source.type](operations::Operation& operation) {
        if (type == "image" && !creation.image) throw schema::failure("Image not provided for instance creation");
        storage::Progress progress;
        if (creation.image)
            progress = [&operation](int percent) {
                operation.set_progress("create_instance_from_image_unpack_progress",
                                       fmt::format("Unpack: {}%", percent));
            };
        context.lifecycle.create(creation, caller(operation), progress);
        if (creation.image) context.images.touch(creation.image->fingerprint);
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response virtual_machines_get(Context&, const http::Request&) {
    return sync(Json::empty_array());
}

http::Response virtual_machines_post(Context&, const http::Request&) {
    throw schema::bad_request("Virtual machines are not supported");
}

http::Response virtual_machine_get(Context&, const http::Request&) {
    throw schema::not_found("Instance not found");
}

http::Response instance_get(Context& context, const http::Request& request) {
    const auto instance = context.instances.get(argument(request, "name"));
    // One instance is whole from recursion=1 on, a list from recursion=2 on.
    auto shown = recursion(request) < 1
                     ? to_json(instance_view(context, *instance))
                     : full_instance_json(context, *instance, kept_of(context, instance->record()->row.name));
    return sync(std::move(shown), instance_writable(*instance->record()));
}

/// LXD takes the snapshot's full name, too.
static http::Response restore(Context& context, const std::string& name, const schema::InstancePut& wanted,
                              const http::Request& request) {
    auto snapshot = wanted.restore;
    if (snapshot.starts_with(name + "/")) snapshot.erase(0, name.size() + 1);
    auto spec = task("Restoring snapshot", name, request);
    spec.run = [&context, name, snapshot, stateful = wanted.stateful](operations::Operation& operation) {
        context.lifecycle.restore_snapshot(name, snapshot, stateful, caller(operation));
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response instance_put(Context& context, const http::Request& request) {
    const auto& name = argument(request, "name");
    const auto instance = context.instances.get(name);
    check_etag(request, instance_writable(*instance->record()));
    auto wanted = schema::instance_put_from(json_body(request));
    if (!wanted.restore.empty()) return restore(context, name, wanted, request);
    keep_known_architecture(wanted, instance->record()->row.put.architecture);
    check_profiles(context, wanted.profiles);
    auto spec = task("Updating instance", name, request);
    spec.run = [&context, name, wanted](operations::Operation& operation) {
        context.lifecycle.update(name, wanted, caller(operation));
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response instance_patch(Context& context, const http::Request& request) {
    const auto& name = argument(request, "name");
    const auto record = context.instances.get(name)->record();
    check_etag(request, instance_writable(*record));
    const auto& present = record->row.put;
    auto wanted = schema::instance_put_from(json_body(request), present);
    if (!wanted.restore.empty()) throw schema::bad_request("Can't call PATCH in restore mode");
    keep_known_architecture(wanted, present.architecture);
    for (const auto& [key, value] : present.config) wanted.config.try_emplace(key, value);
    for (const auto& [device, options] : present.devices) wanted.devices.try_emplace(device, options);
    check_profiles(context, wanted.profiles);
    context.lifecycle.update(name, wanted, {requestor(request), {}});
    return done();
}

/// To another pool of this server, under the same name or another one.
static http::Response move(Context& context, const std::string& name, const std::string& new_name, const Json& body,
                           const http::Request& request) {
    std::string pool;
    schema::json::read(body, "pool", pool);
    if (pool.empty())
        throw schema::Error(schema::ErrorKind::not_implemented, "Instances cannot be migrated to other servers yet");
    bool live = true; // where nothing is said
    bool instance_only = false;
    bool container_only = false;
    schema::json::read(body, "live", live);
    schema::json::read(body, "instance_only", instance_only);
    schema::json::read(body, "container_only", container_only);
    auto spec = task("Migrating instance", name, request);
    spec.name_containers = false; // as LXD
    spec.may_cancel = true;
    spec.run = [&context, name, new_name, pool, live,
                instance_only = instance_only || container_only](operations::Operation& operation) {
        const auto instance = context.instances.get(name);
        if (live && context.lifecycle.status(*instance) != schema::Status::stopped)
            throw schema::Error(schema::ErrorKind::not_implemented,
                                "Running instances cannot be moved with their state yet: stop it, or move it "
                                "statelessly");
        if (new_name != name && context.instances.find(new_name))
            throw schema::conflict("Name {:?} already in use", new_name);
        context.lifecycle.move_to_pool(name, pool, instance_only, caller(operation), progress_of(operation));
        if (new_name != name) context.lifecycle.rename(name, new_name, caller(operation));
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response instance_post(Context& context, const http::Request& request) {
    const auto& name = argument(request, "name");
    context.instances.get(name);
    const auto body = json_body(request);
    std::string wanted;
    bool migration = false;
    schema::json::read(body, "name", wanted);
    if (wanted.empty()) wanted = name;
    schema::json::read(body, "migration", migration);
    schema::check_instance_name(wanted);
    if (migration) return move(context, name, wanted, body, request);
    if (context.instances.find(wanted)) throw schema::conflict("Name {:?} already in use", wanted);
    auto spec = task("Renaming instance", name, request);
    spec.run = [&context, name, wanted](operations::Operation& operation) {
        context.lifecycle.rename(name, wanted, caller(operation));
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response instance_delete(Context& context, const http::Request& request) {
    const auto& name = argument(request, "name");
    if (context.instances.get(name)->live().running) throw schema::bad_request("Instance is running");
    auto spec = task("Deleting instance", name, request);
    spec.run = [&context, name](operations::Operation& operation) {
        context.lifecycle.remove(name, caller(operation));
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response instance_state_get(Context& context, const http::Request& request) {
    return sync(to_json(instance_state(context, *context.instances.get(argument(request, "name")))));
}

http::Response instance_state_put(Context& context, const http::Request& request) {
    const auto& name = argument(request, "name");
    const auto put = schema::instance_state_put_from(json_body(request));
    context.instances.get(name);
    const auto& action = state_action(put);
    auto spec = task(action.description, name, request);
    spec.name_containers = false; // as LXD does for changes of state alone
    spec.run = [&context, &action, name, timeout = put.force ? 0 : put.timeout](operations::Operation& operation) {
        action.run(context, name, timeout, caller(operation));
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response instances_put(Context& context, const http::Request& request) {
    const auto body = json_body(request);
    const auto* state = body.find("state");
    const auto put =
        state == nullptr || state->is_null() ? schema::InstanceStatePut() : schema::instance_state_put_from(*state);
    const auto& action = state_action(put);
    std::vector<std::string> names;
    operations::Spec spec;
    spec.description = action.description;
    spec.requestor = requestor(request);
    spec.name_containers = false;
    auto& urls = spec.resources["instances"];
    for (const auto& instance : context.instances.list()) {
        if (!action.concerns(context.lifecycle.status(*instance))) continue;
        names.push_back(instance->record()->row.name);
        urls.push_back("/1.0/instances/" + names.back());
    }
    spec.run = [&context, &action, names, timeout = put.force ? 0 : put.timeout](operations::Operation& operation) {
        change_all(context, action, names, timeout, operation);
    };
    return async(*context.operations.start(std::move(spec)));
}

} // namespace api
