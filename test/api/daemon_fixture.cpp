#include "test/api/daemon_fixture.h"

#include <future>
#include <utility>

#include "test/unit/storage/tar_builder.h"

namespace {

/// Lets the runtime outlive the rooms, as containers outlive the daemon.
class Borrowed final : public instance::Runtime {
public:
    explicit Borrowed(instance::Runtime& lender) : lender_(lender) {}
    std::string version() const override { return lender_.version(); }
    std::map<std::string, std::string> features() const override { return lender_.features(); }
    void check(const std::vector<instance::LxcItem>& items) override { lender_.check(items); }
    std::optional<instance::Running> find(const std::string& name) override { return lender_.find(name); }
    std::string start_text(const std::string& name, const std::vector<instance::LxcItem>& items) const override {
        return lender_.start_text(name, items);
    }
    instance::Running start(const std::string& name, const std::vector<instance::LxcItem>& items,
                            const base::CancelToken& cancel) override {
        return lender_.start(name, items, cancel);
    }
    std::string stop_target(const std::string& name) override { return lender_.stop_target(name); }
    void clear_cgroups(const std::string& name, const std::vector<std::string>& cgroups) override {
        lender_.clear_cgroups(name, cgroups);
    }
    void request_shutdown(const std::string& name) override { lender_.request_shutdown(name); }
    void request_reboot(const std::string& name) override { lender_.request_reboot(name); }
    void kill(const std::string& name) override { lender_.kill(name); }
    void freeze(const std::string& name) override { lender_.freeze(name); }
    void unfreeze(const std::string& name) override { lender_.unfreeze(name); }
    void set_cgroup(const std::string& name, const std::string& item, const std::string& value) override {
        lender_.set_cgroup(name, item, value);
    }
    std::optional<std::string> get_cgroup(const std::string& name, const std::string& item) override {
        return lender_.get_cgroup(name, item);
    }
    std::unique_ptr<instance::ExecSession> exec(const std::string& name,
                                                const instance::ExecRequest& request) override {
        return lender_.exec(name, request);
    }
    base::Process spawn_files(const std::string& name, const instance::StoppedRoot& root, base::Fd request,
                              base::Fd reply) override {
        return lender_.spawn_files(name, root, std::move(request), std::move(reply));
    }
    base::Process spawn_sftp(const std::string& name, const instance::StoppedRoot& root, base::Fd socket) override {
        return lender_.spawn_sftp(name, root, std::move(socket));
    }
    base::Process spawn_interception(std::vector<std::string> call, std::vector<std::pair<int, int>> fds) override {
        return lender_.spawn_interception(std::move(call), std::move(fds));
    }
    instance::Console open_console(const std::string& name) override { return lender_.open_console(name); }
    std::string console_log(const std::string& name) override { return lender_.console_log(name); }
    void clear_console_log(const std::string& name) override { lender_.clear_console_log(name); }
    void attach_interface(const std::string& name, const std::string& host, const std::string& inside) override {
        lender_.attach_interface(name, host, inside);
    }
    void detach_interface(const std::string& name, const std::string& inside, const std::string& host) override {
        lender_.detach_interface(name, inside, host);
    }
    void start_proxy(const std::string& name, const std::string& hold, const std::vector<std::string>& words) override {
        lender_.start_proxy(name, hold, words);
    }
    void attach_mount(const std::string& name, const schema::MountOrder& order) override {
        lender_.attach_mount(name, order);
    }
    void send_uevent(const std::string& name, const std::vector<std::string>& words) override {
        lender_.send_uevent(name, words);
    }
    void detach_mount(const std::string& name, const std::string& target) override {
        lender_.detach_mount(name, target);
    }
    bool can_map_mount(const std::string& path) override { return lender_.can_map_mount(path); }

private:
    instance::Runtime& lender_;
};

std::string after_query(const std::string& target, std::map<std::string, std::string>& query) {
    const auto mark = target.find('?');
    if (mark == std::string::npos) return target;
    for (size_t at = mark + 1; at < target.size();) {
        const auto end = std::min(target.find('&', at), target.size());
        const auto pair = target.substr(at, end - at);
        const auto equals = pair.find('=');
        query[pair.substr(0, equals)] = equals == std::string::npos ? "" : pair.substr(equals + 1);
        at = end + 1;
    }
    return target.substr(0, mark);
}

} // namespace

std::string body_of(const http::Response& response) {
    if (const auto* text = std::get_if<std::string>(&response.body)) return *text;
    std::string all;
    if (const auto* producer = std::get_if<std::shared_ptr<http::BodyProducer>>(&response.body)) {
        char buffer[4096];
        while (const auto count = (*producer)->read(buffer, sizeof buffer)) all.append(buffer, count);
    }
    return all;
}

DaemonTest::DaemonTest() {
    auto fake = std::make_shared<fakes::FakeRuntime>();
    runtime_ = fake.get();
    shared_runtime_ = fake;
    restart();
}

void DaemonTest::restart() {
    rooms_.reset();
    DaemonOptions options;
    options.paths = {folder_ / "var", folder_ / "log", folder_ / "cache", ""};
    options.log.level = base::LogLevel::error;
    rooms_ = std::make_unique<Rooms>(
        options, [this](const state::Paths&) { return std::make_unique<Borrowed>(*shared_runtime_); },
        [this](bool) { return !std::exchange(asked_to_end_, true); });
    handler_ = api::bind(rooms_->context);
}

http::Response DaemonTest::ask(const std::string& method, const std::string& target, const std::string& body,
                               http::Headers headers) {
    http::Request request;
    request.method = method;
    request.path = after_query(target, request.query);
    request.body = body;
    request.headers = std::move(headers);
    auto response = handler_(std::move(request));
    if (auto* deferred = std::get_if<http::Response::Deferred>(&response.body)) {
        const auto answer = std::make_shared<std::promise<http::Response>>();
        auto future = answer->get_future();
        deferred->start([answer](http::Response later) { answer->set_value(std::move(later)); });
        return future.get();
    }
    return response;
}

schema::Json DaemonTest::get(const std::string& method, const std::string& target, const std::string& body) {
    const auto answer = schema::Json::parse(body_of(ask(method, target, body)));
    if (answer["type"] == schema::Json("error")) throw std::runtime_error(answer["error"].as_string());
    if (answer["type"] == schema::Json("async")) return get(answer["operation"].as_string() + "/wait");
    return answer["metadata"];
}

std::string DaemonTest::error(const std::string& method, const std::string& target, const std::string& body,
                              http::Headers headers) {
    const auto answer = schema::Json::parse(body_of(ask(method, target, body, std::move(headers))));
    if (answer["type"] == schema::Json("error"))
        return std::to_string(answer["error_code"].as_integer()) + " " + answer["error"].as_string();
    if (answer["type"] == schema::Json("async")) {
        const auto finished = get(answer["operation"].as_string() + "/wait");
        if (finished["status_code"].as_integer() != 200) return "operation: " + finished["err"].as_string();
    }
    return "ok";
}

std::string DaemonTest::etag(const std::string& target) {
    return ask("GET", target).headers["ETag"];
}

void DaemonTest::set_up_storage() {
    get("POST", "/1.0/storage-pools", R"({"name":"default","driver":"dir"})");
    get("PUT", "/1.0/profiles/default", R"({"devices":{"root":{"type":"disk","path":"/","pool":"default"}}})");
    const auto image = storage::TarBuilder()
                           .file("metadata.yaml", "architecture: x86_64\ncreation_date: 1\nproperties: {os: Box}\n")
                           .folder("rootfs")
                           .file("rootfs/file", "content")
                           .bytes();
    const auto imported = get("POST", "/1.0/images", image);
    ASSERT_EQ(imported["status_code"].as_integer(), 200) << imported.dump();
    get("POST", "/1.0/images/aliases",
        R"({"name":"box","target":")" + imported["metadata"]["fingerprint"].as_string() + R"("})");
}

void DaemonTest::make_instance(const std::string& name, const std::string& more) {
    const auto made = get("POST", "/1.0/instances",
                          R"({"name":")" + name + R"(","source":{"type":"image","alias":"box"})" + more + "}");
    ASSERT_EQ(made["status_code"].as_integer(), 200) << made.dump();
}

void DaemonTest::change_state(const std::string& name, const std::string& body) {
    const auto changed = get("PUT", "/1.0/instances/" + name + "/state", body);
    ASSERT_EQ(changed["status_code"].as_integer(), 200) << changed.dump();
}

std::string DaemonTest::status(const std::string& name) {
    return get("/1.0/instances/" + name)["status"].as_string();
}
