#include "daemon/api/handlers/backups.h"

#include <memory>

#include "daemon/api/respond.h"
#include "daemon/images/export.h"
#include "schema/error.h"

namespace api {

using schema::Json;

namespace {

void check_name(const std::string& name) {
    if (name.find('/') != std::string::npos) throw schema::bad_request("Backup names may not contain slashes");
}

std::string chosen_compression(Context& context, const std::string& wanted) {
    if (!wanted.empty()) return wanted;
    const auto configured = schema::get(context.server_config.get(), "backups.compression_algorithm");
    return configured.empty() ? "gzip" : configured;
}

state::BackupRow named(const http::Request& request, const BackedUp& backed_up) {
    return backed_up.kept.get(backed_up.owner, argument(request, "backup"));
}

class FileBody : public http::BodyProducer {
public:
    explicit FileBody(images::Export source) : source_(std::move(source)) {}
    size_t read(char* buffer, size_t size) override { return source_.read(buffer, size); }
    std::optional<uint64_t> length() const override { return source_.length(); }

private:
    images::Export source_;
};

} // namespace

http::Response list_backups(const http::Request& request, const BackedUp& backed_up) {
    auto list = Json::empty_array();
    for (const auto& row : backed_up.kept.list(backed_up.owner))
        list.push_back(recursion(request) > 0 ? backed_up.json(row) : Json(backed_up.backup_url(row.name)));
    return sync(list);
}

http::Response show_backup(const http::Request& request, const BackedUp& backed_up) {
    return sync(backed_up.json(named(request, backed_up)));
}

http::Response export_backup(Context& context, const http::Request& request, const BackedUp& backed_up) {
    const auto row = named(request, backed_up);
    images::Export source({{"", row.name, backed_up.kept.file(row)}});
    http::Response response;
    response.headers["Content-Type"] = source.content_type();
    response.headers["Content-Disposition"] = source.content_disposition();
    response.headers["Accept-Ranges"] = "bytes";
    response.body = std::make_shared<FileBody>(std::move(source));
    context.events.lifecycle(backed_up.event + "-retrieved", backed_up.backup_url(row.name), {}, requestor(request));
    return response;
}

http::Response make_backup(Context& context, const BackedUp& backed_up, schema::BackupsPost post, operations::Spec spec,
                           const char* prefix, const CreateBackup& create) {
    if (post.name.empty()) post.name = backed_up.kept.free_name(backed_up.owner);
    check_name(post.name);
    post.compression_algorithm = chosen_compression(context, post.compression_algorithm);
    spec.resources["backups"] = {"/1.0/backups/" + post.name}; // so do clients expect it, who fetch it elsewhere
    spec.may_cancel = true;
    spec.run = [&context, backed_up, post, prefix, create](operations::Operation& operation) {
        try {
            create(post, operation);
        } catch (const schema::Error& error) {
            throw schema::Error(error.kind(), fmt::format("{}{}", prefix, error.what()));
        }
        context.events.lifecycle(backed_up.event + "-created", backed_up.backup_url(post.name), backed_up.created_with,
                                 operation.requestor());
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response rename_backup(Context& context, const http::Request& request, const BackedUp& backed_up,
                             operations::Spec spec) {
    const auto row = named(request, backed_up);
    std::string new_name;
    schema::json::read(json_body(request), "name", new_name);
    check_name(new_name);
    if (new_name.empty()) throw schema::bad_request("Missing backup name");
    spec.run = [&context, backed_up, row, new_name](operations::Operation& operation) {
        backed_up.kept.rename(row, new_name);
        Json details;
        details.set("old_name", backed_up.name + "/" + row.name);
        context.events.lifecycle(backed_up.event + "-renamed", backed_up.backup_url(new_name), details,
                                 operation.requestor());
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response remove_backup(Context& context, const http::Request& request, const BackedUp& backed_up,
                             operations::Spec spec) {
    const auto row = named(request, backed_up);
    spec.run = [&context, backed_up, row](operations::Operation& operation) {
        backed_up.kept.remove(row);
        context.events.lifecycle(backed_up.event + "-deleted", backed_up.backup_url(row.name), {},
                                 operation.requestor());
    };
    return async(*context.operations.start(std::move(spec)));
}

} // namespace api
