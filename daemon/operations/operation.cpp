#include "daemon/operations/operation.h"

#include "daemon/base/crypto.h"
#include "daemon/operations/events.h"
#include "daemon/operations/operation_state.h"

namespace operations {

namespace {

constexpr auto progress_interval = std::chrono::milliseconds(250);
constexpr std::string_view instances_url = "/1.0/instances/";

std::vector<std::string> as_containers(const std::vector<std::string>& instances) {
    std::vector<std::string> urls;
    urls.reserve(instances.size());
    for (const auto& url : instances)
        urls.push_back(url.starts_with(instances_url) ? "/1.0/containers/" + url.substr(instances_url.size()) : url);
    return urls;
}

schema::Operation rendered(const Spec& spec, const std::string& id) {
    schema::Operation operation;
    operation.id = id;
    operation.class_name = spec.class_name;
    operation.description = spec.description;
    operation.created_at = std::chrono::system_clock::now();
    operation.updated_at = operation.created_at;
    operation.resources = spec.resources;
    if (const auto instances = spec.resources.find("instances");
        spec.name_containers && instances != spec.resources.end())
        operation.resources.try_emplace("containers", as_containers(instances->second));
    operation.metadata = spec.metadata;
    operation.may_cancel = spec.may_cancel || !spec.run;
    return operation;
}

} // namespace

Operation::State::State(EventsHub& hub, base::Log& to, Spec& spec)
    : events(hub), log(to), id(base::uuid4()), requestor(std::move(spec.requestor)), awaited(spec.awaited),
      visible(rendered(spec, id)) {}

bool Operation::State::change(const std::function<bool(schema::Operation&)>& edit) {
    const std::scoped_lock publication(publishing);
    schema::Operation now;
    {
        const std::scoped_lock lock(mutex);
        if (schema::is_final(visible.status) || !edit(visible)) return false;
        now = visible;
    }
    events.operation(now);
    return true;
}

void Operation::State::say(const char* message, const std::string& error) const {
    if (!log.wants(base::LogLevel::debug)) return;
    base::Log::Context context{{"operation", id}, {"project", "default"}};
    {
        const std::scoped_lock lock(mutex);
        context["class"] = visible.class_name;
        context["description"] = visible.description;
    }
    if (!error.empty()) context["err"] = error;
    log.debug(message, std::move(context));
}

void Operation::State::finish(const std::string& error) {
    const bool changed = change([&](schema::Operation& operation) {
        if (operation.status == schema::Status::cancelling)
            operation.status = schema::Status::cancelled;
        else
            operation.status = error.empty() ? schema::Status::success : schema::Status::failure;
        operation.err = error;
        return true;
    });
    if (!changed) return;
    say(visible.status == schema::Status::cancelled ? "Cancelled operation"
        : error.empty()                             ? "Success for operation"
                                                    : "Failure for operation",
        error); // final: nobody writes it any more
    std::map<int, std::function<void(const schema::Operation&)>> callbacks;
    {
        const std::scoped_lock lock(mutex);
        done = true;
        callbacks.swap(on_done);
        done_reached.notify_all();
    }
    for (const auto& [number, callback] : callbacks) callback(visible);
}

Operation::Operation(std::shared_ptr<State> state) : state_(std::move(state)) {}

const std::string& Operation::id() const noexcept {
    return state_->id;
}

schema::Operation Operation::snapshot() const {
    const std::scoped_lock lock(state_->mutex);
    return state_->visible;
}

const base::CancelToken& Operation::cancel_token() const noexcept {
    return state_->token;
}

const std::optional<schema::Requestor>& Operation::requestor() const noexcept {
    return state_->requestor;
}

void Operation::set_metadata(std::string_view key, schema::Json value) {
    state_->change([&](schema::Operation& operation) {
        operation.metadata.set(key, std::move(value));
        operation.updated_at = std::chrono::system_clock::now();
        return true;
    });
}

void Operation::set_progress(std::string_view key, std::string_view text) {
    state_->change([&](schema::Operation& operation) {
        operation.metadata.set(key, text);
        operation.updated_at = std::chrono::system_clock::now();
        const auto now = std::chrono::steady_clock::now();
        if (now < state_->next_progress) return false;
        state_->next_progress = now + progress_interval;
        return true;
    });
}

std::shared_ptr<void> Operation::on_done(std::function<void(const schema::Operation&)> callback) {
    {
        const std::scoped_lock lock(state_->mutex);
        if (!state_->done) {
            const int number = state_->next_callback++;
            state_->on_done.emplace(number, std::move(callback));
            return {nullptr, [state = state_, number](void*) {
                        // Destroyed outside the lock: what the callback holds may be the last of its kind.
                        std::map<int, std::function<void(const schema::Operation&)>>::node_type dropped;
                        const std::scoped_lock inner(state->mutex);
                        dropped = state->on_done.extract(number);
                    }};
        }
    }
    callback(snapshot());
    return nullptr;
}

schema::Operation Operation::wait() {
    std::unique_lock lock(state_->mutex);
    state_->done_reached.wait(lock, [&] { return state_->done; });
    return state_->visible;
}

} // namespace operations
