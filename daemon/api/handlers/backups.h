#pragma once
// What the handlers of instances' and of custom volumes' backups share.

#include <functional>
#include <string>

#include "daemon/api/context.h"
#include "daemon/operations/operation.h"
#include "daemon/storage/kept_backups.h"
#include "schema/api/backup.h"
#include "schema/json.h"

namespace api {

/// Whose backups a request is about, and how they are shown.
struct BackedUp {
    storage::KeptBackups& kept;
    std::string owner; // as `kept` calls it
    std::string name;  // as users do
    std::string url;   // of the owner
    schema::Json (*json)(const schema::Backup& backup);
    std::string event;         // lifecycle events are called "EVENT-created" and so on
    schema::Json created_with; // what the first of those tells

    std::string backup_url(const std::string& backup) const { return url + "/backups/" + backup; }
};

http::Response list_backups(const http::Request& request, const BackedUp& backed_up);
http::Response show_backup(const http::Request& request, const BackedUp& backed_up);
http::Response export_backup(Context& context, const http::Request& request, const BackedUp& backed_up);

/// Makes one in an operation, which `spec` describes: `create` gets the order with a name and a compressor. What goes
/// wrong is told with `prefix`.
using CreateBackup = std::function<void(const schema::BackupsPost& post, operations::Operation& operation)>;
http::Response make_backup(Context& context, const BackedUp& backed_up, schema::BackupsPost post, operations::Spec spec,
                           const char* prefix, const CreateBackup& create);
http::Response rename_backup(Context& context, const http::Request& request, const BackedUp& backed_up,
                             operations::Spec spec);
http::Response remove_backup(Context& context, const http::Request& request, const BackedUp& backed_up,
                             operations::Spec spec);

} // namespace api
