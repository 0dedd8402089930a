#include "client/commands/backup_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/local_files.h"
#include "client/new_file.h"
#include "client/progress.h"
#include "client/target.h"
#include "schema/error.h"
#include "schema/timestamp.h"

namespace client {

namespace {

using schema::Json;

constexpr auto kept_for = std::chrono::hours(24); // should this program not come to removing it

/// The backup on the server, until it is removed at the end.
class ServerBackup {
public:
    ServerBackup(Server& server, const std::string& url, const Json& operation) : server_(server) {
        const auto& made = operation["resources"]["backups"];
        if (!made.is_array() || made.as_array().empty()) throw schema::failure("The server named no backup");
        url_ = url + "/" + path_escape(unescape(base_name(made.as_array()[0].as_string())));
    }
    ~ServerBackup() {
        try {
            server_.wait(server_.del(url_));
        } catch (const std::exception&) { // It expires in a day.
        }
    }
    ServerBackup(const ServerBackup&) = delete;
    ServerBackup& operator=(const ServerBackup&) = delete;

    void fetch(const Sink& sink, Progress& progress) {
        const HttpRequest request{.target = url_ + "/export"};
        const auto response = server_.connection().send(request, [&](const HttpResponse& head) -> Sink {
            if (head.status != 200) return {};
            return [&, length = head.length, received = int64_t{0}](std::string_view data) mutable {
                sink(data);
                received += static_cast<int64_t>(data.size());
                progress.show_bytes(received, length);
            };
        });
        if (response.status != 200) throw_error(request, response);
    }

private:
    Server& server_;
    std::string url_;
};

template <class Action> auto with_prefix(std::string_view prefix, Action action) {
    try {
        return action();
    } catch (const schema::Error& error) {
        throw schema::Error(error.kind(), std::string(prefix) + error.what());
    }
}

int64_t size_of(int fd) {
    struct stat status{};
    return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? status.st_size : -1;
}

} // namespace

void export_backup(Session& session, Server& server, const std::string& url, Json request, const std::string& target,
                   const BackupTexts& texts) {
    const bool to_output = target == "-";
    const bool quiet = session.quiet() || to_output;
    const auto now = std::chrono::time_point_cast<schema::Time::duration>(std::chrono::system_clock::now());
    request.set("name", "").set("expires_at", schema::rfc3339(now + kept_for));

    Progress making(std::string(texts.making), quiet);
    const auto reply = with_prefix(texts.making_failed, [&] { return server.post(url, request); });
    ServerBackup backup(server, url, server.wait(reply, &making));
    making.done();

    Progress fetching("Exporting the backup: ", quiet);
    if (to_output) {
        with_prefix(texts.fetch_failed, [&] {
            backup.fetch([](std::string_view data) { base::write_all(STDOUT_FILENO, data); }, fetching);
        });
        return;
    }
    NewFile file(target);
    with_prefix(texts.fetch_failed, [&] { backup.fetch([&](std::string_view data) { file.write(data); }, fetching); });
    file.keep();
    fetching.done("Backup exported successfully!");
}

void import_backup(Session& session, Server& server, const std::string& url, const std::string& file,
                   const std::map<std::string, std::string>& headers, std::string_view importing) {
    const bool from_input = file == "-";
    base::Fd opened;
    if (!from_input) {
        opened = base::Fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
        if (!opened) fail("open", file);
    }
    const int fd = from_input ? STDIN_FILENO : opened.get();
    const auto size = size_of(fd);
    Progress progress(std::string(importing), session.quiet() || from_input);
    HttpRequest request{.method = "POST", .target = url, .headers = headers, .body = {{.fd = fd, .size = size}}};
    request.headers["Content-Type"] = "application/octet-stream";
    request.on_sent = [&](int64_t sent) { progress.show_bytes(sent, size); };
    server.wait(server.send(request), &progress);
    progress.done();
}

} // namespace client
